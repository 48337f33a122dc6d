package scenario

import "github.com/container-football/pitch/internal/strict"

// Error is one complaint about a scenario file: its name, line and column, the key, and what was
// expected there. It always prints as a single line.
type Error = strict.Error
