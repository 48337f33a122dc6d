package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/container-football/pitch/internal/strict"
)

// Dimension is one thing in which a file varies. The file stands for one scenario for each
// combination of the values of all its dimensions: for each, tables with another `only` are left
// out.
type Dimension struct {
	Name   string   `toml:"name" req:"yes" pattern:"name"`
	Values []string `toml:"values" req:"yes" pattern:"slug"`
}

// maxVariants bounds how many scenarios a file may stand for.
const maxVariants = 256

// Only says which variants a table belongs to; without terms, to all. Its text is
//
//	only = choice { "and" choice }
//	choice = dimension ( "==" | "!=" ) value
type Only struct{ Terms []Choice }

// Choice is one term of [Only].
type Choice struct {
	Dimension string
	Not       bool
	Value     string
}

// String prints o as it is written in a file.
func (o Only) String() string {
	var parts []string
	for _, c := range o.Terms {
		op := "=="
		if c.Not {
			op = "!="
		}
		parts = append(parts, c.Dimension+" "+op+" "+c.Value)
	}
	return strings.Join(parts, " and ")
}

// MarshalText is the exact inverse of UnmarshalText.
func (o Only) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText accepts choices joined by "and".
func (o *Only) UnmarshalText(text []byte) error {
	var got Only
	words := strings.Fields(string(text))
	for i := 0; ; i += 4 {
		if len(words) < i+3 || words[i+1] != "==" && words[i+1] != "!=" ||
			len(words) > i+3 && words[i+3] != "and" {
			return fmt.Errorf(`expected choices such as "winner == a and rotated != no", found %s`,
				strict.Quote(string(text)))
		}
		got.Terms = append(got.Terms, Choice{words[i], words[i+1] == "!=", words[i+2]})
		if len(words) == i+3 {
			*o = got
			return nil
		}
	}
}

// in says whether a table belongs to the variant with these values.
func (o Only) in(values map[string]string) bool {
	return !slices.ContainsFunc(o.Terms, func(c Choice) bool {
		return (values[c.Dimension] == c.Value) == c.Not
	})
}

// places are, for each table of a variant, where it stands among those of the file.
type places struct{ hosts, resources, workloads, steps []int }

// variants checks f and returns every scenario that it stands for.
func variants(f *File, o Options, d *strict.Document) []*File {
	if !dimensions(f, d) {
		return nil
	}
	var out []*File
	at := make([]int, len(f.Vary))
	for {
		values, name := make(map[string]string), []string(nil)
		for i := range f.Vary {
			values[f.Vary[i].Name] = f.Vary[i].Values[at[i]]
			name = append(name, f.Vary[i].Values[at[i]])
		}
		g, p := f.variant(values, strings.Join(name, "-"))
		if !patterns["slug"].Form.MatchString(g.Name) {
			d.Value("name", "name: %q, with the values of vary, is too long", g.Name)
		}
		validate(g, p, o, d)
		out = append(out, g)
		i := len(at) - 1
		for i >= 0 && at[i] == len(f.Vary[i].Values)-1 {
			at[i] = 0
			i--
		}
		if i < 0 {
			return out
		}
		at[i]++
	}
}

// dimensions checks what varies. It reports whether that is sound.
func dimensions(f *File, d *strict.Document) bool {
	var names []string
	product, sound := 1, true
	for i := range f.Vary {
		v := &f.Vary[i]
		if slices.Contains(names, v.Name) {
			d.Value(strict.Index("vary", i)+".name", "name: there is already a dimension %q", v.Name)
			sound = false
		}
		names = append(names, v.Name)
		if product *= len(v.Values); product > maxVariants {
			d.Key(strict.Index("vary", i), "the file stands for more than %d scenarios", maxVariants)
			return false
		}
	}
	used := make(map[string]bool)
	each := func(kind string, i int, o Only) {
		for _, c := range o.Terms {
			at, label := strict.Index(kind, i)+".only", "only: "+Only{[]Choice{c}}.String()+": "
			k := slices.Index(names, c.Dimension)
			switch {
			case k < 0:
				d.Value(at, "%sno dimension is named %s%s", label, strict.Quote(c.Dimension),
					strict.DidYouMean(c.Dimension, names))
				sound = false
			case !slices.Contains(f.Vary[k].Values, c.Value):
				d.Value(at, "%s%s", label, strict.NotOneOf(c.Value, f.Vary[k].Values))
				sound = false
			}
			used[c.Dimension] = true
		}
	}
	for i := range f.Hosts {
		each("host", i, f.Hosts[i].Only)
	}
	for i := range f.Resources {
		each("resource", i, f.Resources[i].Only)
	}
	for i := range f.Workloads {
		each("workload", i, f.Workloads[i].Only)
	}
	for i := range f.Steps {
		each("step", i, f.Steps[i].Only)
	}
	for i, name := range names {
		if sound && !used[name] {
			d.Value(strict.Index("vary", i)+".name", "name: nothing is only for some %q", name)
			sound = false
		}
	}
	return sound
}

// variant is what is left of f with these values. A step that is left out is waited for by nobody
// and need not fire.
func (f *File) variant(values map[string]string, name string) (*File, places) {
	g := *f
	g.Vary, g.Variant = nil, name
	if name != "" {
		g.Name += "-" + name
	}
	var p places
	g.Hosts, p.hosts = keep(f.Hosts, values, func(h *Host) *Only { return &h.Only })
	g.Resources, p.resources = keep(f.Resources, values, func(r *Resource) *Only { return &r.Only })
	g.Workloads, p.workloads = keep(f.Workloads, values, func(w *Workload) *Only { return &w.Only })
	g.Steps, p.steps = keep(f.Steps, values, func(s *Step) *Only { return &s.Only })
	gone := func(name string) bool {
		is := func(s Step) bool { return name != "" && (s.Name == name || s.Do == name) }
		return slices.ContainsFunc(f.Steps, is) && !slices.ContainsFunc(g.Steps, is)
	}
	for i := range g.Steps {
		g.Steps[i].When = g.Steps[i].When.without(gone)
	}
	g.Expect.MustFire = slices.DeleteFunc(slices.Clone(f.Expect.MustFire), gone)
	if len(g.Expect.MustFire) == 0 {
		g.Expect.MustFire = nil
	}
	return &g, p
}

// keep returns the tables of a variant, and where each stood.
func keep[T any](all []T, values map[string]string, only func(*T) *Only) (list []T, at []int) {
	for i := range all {
		if only(&all[i]).in(values) {
			list, at = append(list, all[i]), append(at, i)
			*only(&list[len(list)-1]) = Only{}
		}
	}
	return list, at
}

// without returns the condition that does not wait for steps that are gone.
func (c Condition) without(gone func(step string) bool) Condition {
	var out Condition
	for _, t := range c.Terms {
		if t.Fn != FnFired || !gone(t.Args[0]) {
			out.Terms = append(out.Terms, t)
		}
	}
	if len(c.Terms) > 0 && len(out.Terms) == 0 {
		out.Terms = []Term{{Fn: FnTime, Op: ">=", Int: 0}}
	}
	return out
}
