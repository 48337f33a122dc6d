package study

import (
	"fmt"
	"slices"

	"github.com/container-football/pitch/internal/strict"
	"github.com/container-football/pitch/model"
)

// validate checks what the struct tags cannot say.
func (f *File) validate() {
	f.checkNames("params", f.Params)
	seen := map[string]string{}
	for name := range f.Params {
		seen[name] = "params"
	}
	for i := range f.Axes {
		path := strict.Index("axis", i)
		f.checkParam(path, f.Axes[i].Param, seen)
		f.checkAxis(path, &f.Axes[i])
	}
	for i := range f.Uncertain {
		path := strict.Index("uncertain", i)
		f.checkParam(path, f.Uncertain[i].Param, seen)
		f.checkUncertain(path, &f.Uncertain[i])
	}
	if len(f.Uncertain) > mostInputs {
		f.doc.Key("uncertain", "%d uncertain inputs; there may be %d", len(f.Uncertain), mostInputs)
	}
	if len(f.Uncertain) == 0 && f.doc.Has("design") {
		f.doc.Key("design", "there is nothing to sample: no [[uncertain]] input")
	}
	for i, name := range f.Sensitivity.Of {
		if !slices.Contains(f.uncertain(), name) {
			f.doc.Value(strict.Index("sensitivity.of", i), "of: %s",
				expected("uncertain inputs", name, f.uncertain()))
		}
	}
	f.checkAsks()
	f.checkPlots()
}

func (f *File) axes() []string {
	var out []string
	for i := range f.Axes {
		out = append(out, f.Axes[i].Param)
	}
	return out
}

func (f *File) uncertain() []string {
	var out []string
	for i := range f.Uncertain {
		out = append(out, f.Uncertain[i].Param)
	}
	return out
}

func (f *File) asks() []string {
	var out []string
	for i := range f.Asks {
		out = append(out, f.Asks[i].Name)
	}
	return out
}

// expected names what a word could have been.
func expected(what, word string, words []string) string {
	if len(words) == 0 {
		return fmt.Sprintf("%q is not there; the study has no %s", word, what)
	}
	return fmt.Sprintf("expected %s, found %q%s", strict.OrList(words), word,
		strict.DidYouMean(word, words))
}

// unknown names what a parameter could have been.
func unknown(name string) string {
	hint := strict.DidYouMean(name, model.ParamNames())
	if hint == "" {
		hint = "; `pitch model measures NAME` lists those of a measure"
	}
	return fmt.Sprintf("unknown parameter %s%s", strict.Quote(name), hint)
}

// checkNames checks a table of parameters.
func (f *File) checkNames(path string, params map[string]any) {
	for name := range params {
		if !slices.Contains(model.ParamNames(), name) {
			f.doc.Key(strict.Join(path, name), "%s", unknown(name))
		}
	}
}

// checkParam checks that a parameter is one, and that nothing else in the study sets it.
func (f *File) checkParam(path, name string, seen map[string]string) {
	if !slices.Contains(model.ParamNames(), name) {
		f.doc.Value(path+".param", "%s", unknown(name))
	}
	if other, twice := seen[name]; twice {
		f.doc.Value(path+".param", "param: %q is set by %s already", name, other)
	}
	seen[name] = path
}

func (f *File) checkAxis(path string, a *Axis) {
	if a.Values != nil {
		for _, key := range []string{"from", "to", "points", "scale", "whole"} {
			if f.doc.Has(path + "." + key) {
				f.doc.Key(path+"."+key, "%s does not go with values: give a list, or from, to and "+
					"points", key)
			}
		}
		return
	}
	whole := true
	for _, key := range []string{"from", "to", "points"} {
		if !f.doc.Has(path + "." + key) {
			f.doc.Lacks(path, key, "missing key %q: an axis needs values, or from, to and points", key)
			whole = false
		}
	}
	switch {
	case !whole || a.From == nil || a.To == nil:
	case *a.To <= *a.From:
		f.doc.Value(path+".to", "to: expected more than from = %g, found %g", *a.From, *a.To)
	case a.Scale == "log" && *a.From <= 0:
		f.doc.Value(path+".from", "from: expected more than 0 on a logarithmic scale, found %g", *a.From)
	}
}

func (f *File) checkUncertain(path string, v *Uncertain) {
	if v.Low == nil || v.High == nil {
		return
	}
	switch {
	case *v.High <= *v.Low:
		f.doc.Value(path+".high", "high: expected more than low = %g, found %g", *v.Low, *v.High)
	case (v.Distribution == "log-uniform" || v.Distribution == "log-normal") && *v.Low <= 0:
		f.doc.Value(path+".low", "low: expected more than 0 for %s, found %g", v.Distribution, *v.Low)
	case v.Mode != nil && (*v.Mode < *v.Low || *v.Mode > *v.High):
		f.doc.Value(path+".mode", "mode: expected %g to %g, found %g", *v.Low, *v.High, *v.Mode)
	}
}

func (f *File) checkAsks() {
	varied := slices.Concat(f.axes(), f.uncertain())
	used := map[string]bool{}
	names := map[string]bool{}
	for i := range f.Asks {
		a := &f.Asks[i]
		path := strict.Index("ask", i)
		if names[a.Name] {
			f.doc.Value(path+".name", "name: %q stands twice", a.Name)
		}
		names[a.Name] = true
		f.checkNames(path+".params", a.Params)
		for j, name := range a.Without {
			if f.Params[name] == nil && !slices.Contains(varied, name) {
				f.doc.Value(strict.Index(path+".without", j), "without: %q is not a parameter of "+
					"the study", name)
			}
		}
		for _, name := range varied {
			if _, set := a.Params[name]; set && !slices.Contains(a.Without, name) {
				f.doc.Key(path+".params."+name, "%s varies over the study; name it in without, too, "+
					"if this question keeps to one value", name)
			}
			used[name] = used[name] || !slices.Contains(a.Without, name)
		}
	}
	for i := range f.Axes {
		if name := f.Axes[i].Param; !used[name] {
			f.doc.Value(strict.Index("axis", i)+".param", "no question takes %s: all name it in without", name)
		}
	}
	for i := range f.Uncertain {
		if name := f.Uncertain[i].Param; !used[name] {
			f.doc.Value(strict.Index("uncertain", i)+".param",
				"no question takes %s: all name it in without", name)
		}
	}
}
