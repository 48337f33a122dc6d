package scenario

import "fmt"

// Marshal writes f as TOML with every key that counts, so that no later change of a default can
// change its meaning. Parsing the text gives a File equal to f; an f for which that cannot be,
// because it breaks a rule of the format, is an error, and its position is one in the text that
// would have been written.
func (f *File) Marshal() ([]byte, error) {
	text := f.text()
	var o Options
	for _, r := range f.Resources {
		o.Strategies = append(o.Strategies, r.Strategy)
	}
	g, err := o.Parse(f.Name+".toml (as written)", text)
	if err != nil {
		return nil, fmt.Errorf("scenario cannot be written: %w", err)
	}
	if !f.Equal(g) {
		return nil, fmt.Errorf("scenario %q cannot be written: it has values in fields that do not "+
			"belong to its steps or workloads, or lists that are empty rather than nil", f.Name)
	}
	return text, nil
}

func (f *File) text() []byte { return format.Write(f) }
