package catalog

import "github.com/container-football/pitch/node"

// Tombstones counts the deletions that a host remembers in a scope.
func (m *Machine) Tombstones(scope string) int {
	if sc := m.scope(scope); sc != nil {
		return sc.tombs
	}
	return 0
}

// Near is what a host is known to share.
func (m *Machine) Near(id node.ID) ([]node.ID, []string) { return m.nearOf(id) }

// Value is the value of a key, or "".
func (m *Machine) Value(scope, key string) (v string) {
	if sc := m.scope(scope); sc != nil {
		v, _ = sc.value(key)
	}
	return v
}
