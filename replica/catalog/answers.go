package catalog

import (
	"cmp"
	"slices"
	"strings"

	"github.com/container-football/pitch/node"
)

// Share is a host that shares a scope.
type Share struct {
	Host  node.ID
	Guest bool   // of a resource
	About string // in the scope of a cluster: what the host said of itself when it joined
}

// Shares are those who share the scope, by number of the host.
func (l *Listing) Shares() (list []Share) {
	for i := range l.Entries {
		e := &l.Entries[i]
		text, is := strings.CutPrefix(e.Key, sharePrefix)
		if id, ok := parseHost(text); is && ok {
			s := Share{Host: id, Guest: e.Value == roleGuest}
			if e.Value != roleGuest && e.Value != roleMember {
				s.About = e.Value
			}
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b Share) int { return cmp.Compare(a.Host, b.Host) })
	return list
}

// Resources are the names of those that the host shares.
func (p *Report) Resources() (names []string) {
	for _, scope := range p.Scopes {
		if name, is := strings.CutPrefix(scope, resourcePrefix); is {
			names = append(names, name)
		}
	}
	return names
}
