package mars

// InMemory is how many bytes of log a replica holds in memory, for tests of its bounds.
func (m *Machine) InMemory() int { return len(m.stream.buf) }

// KeepForPeers is shown to tests that have to write more than stays in memory.
const KeepForPeers = keepForPeers

// Defect is the sentence that says why a replica is defective.
func (m *Machine) Defect() string { return m.change.defect }
