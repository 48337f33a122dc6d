package catalog

// Tombstones counts the deletions that a host remembers in a scope.
func (m *Machine) Tombstones(scope string) int {
	if sc := m.scope(scope); sc != nil {
		return sc.tombs
	}
	return 0
}
