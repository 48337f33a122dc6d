package scenario

// Ref is a name that a condition uses, and of what kind of thing.
type Ref struct {
	Kind string // one of the kinds below
	Name string
}

// Kinds of things that conditions name.
const (
	RefWorkload = argWorkload
	RefHost     = argHost
	RefResource = argResource
	RefStep     = argStep
)

// Refs are the names that a term uses, those of its arguments first.
func (t Term) Refs() []Ref {
	fn := findFunction(t.Fn)
	if fn == nil {
		return nil
	}
	var refs []Ref
	for i, name := range t.Args {
		refs = append(refs, Ref{fn.args[i], name})
	}
	if fn.result == hostResult && t.Name != "" {
		refs = append(refs, Ref{RefHost, t.Name})
	}
	return refs
}

// Literal returns f as it is run with this seed: every random fault is a step of its own. It is data: it can be
// run again, edited, or made smaller.
func (f *File) Literal(seed uint64) *File { return expand(f, seed) }
