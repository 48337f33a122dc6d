//go:build !(386 || arm || mips || mipsle)

package attach

import (
	"os"
	"path/filepath"
)

// The go command has a test write down which files it looks at, to know when the result may be used
// again. Every thread of a test must be able to do that.
func init() {
	const table = "/proc/self/fd"
	entries, err := os.ReadDir(table)
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		if link, _ := os.Readlink(filepath.Join(table, e.Name())); filepath.Base(link) == "testlog.txt" {
			stays[link] = true
		}
	}
}
