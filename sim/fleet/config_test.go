package fleet

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/container-football/pitch/node"
)

func TestAConfigThatCannotBeUsedSaysWhichFieldIsWrong(t *testing.T) {
	type C = Config
	for want, spoil := range map[string]func(c *C){
		"Hosts = 0: must be within":                    func(c *C) { c.Hosts = 0 },
		"Hours = NaN: must be above 0":                 func(c *C) { c.Hours = math.NaN() },
		"Hours = 6e+08: must be above 0 and at most":   func(c *C) { c.Hours = 6e8 },
		"Level = 95: must be within 0.5":               func(c *C) { c.Level = 95 },
		"Batches = 1: must be within 2":                func(c *C) { c.Batches = 1 },
		"Lifetime.Mean = 0: must be within":            func(c *C) { c.Lifetime.Mean = 0 },
		"Lifetime.Form = constant: lifetimes that are": func(c *C) { c.Lifetime.Form = Constant },
		"Lifetime.Shape = 9: must be within": func(c *C) {
			c.Lifetime.Form, c.Lifetime.Shape = Weibull, 9
		},
		"Lifetime.Shape = 1: is for Weibull":       func(c *C) { c.Lifetime.Shape = 1 },
		"Repair.Form = weibull: only lifetimes":    func(c *C) { c.Repair.Form = Weibull },
		"Repair.Form = Form(9): is not known":      func(c *C) { c.Repair.Form = 9 },
		"Repair.Mean = +Inf: must be within":       func(c *C) { c.Repair.Mean = math.Inf(1) },
		"Domains[0].Count = 0: must be":            func(c *C) { c.Domains[0].Count = 0 },
		"len(Domains[0].Of) = 3: must be 4":        func(c *C) { c.Domains[0].Of = make([]int32, 3) },
		"Domains[0].Of[1] = 2: must be within":     func(c *C) { c.Domains[0].Of[1] = 2 },
		"Domains[0].Repair.Mean = -1: must":        func(c *C) { c.Domains[0].Repair.Mean = -1 },
		"len(Domains) = 17: must be at most":       func(c *C) { c.Domains = make([]Domains, 17) },
		"Groups[1].Tolerate = 2: must be":          func(c *C) { c.Groups[1].Tolerate = 2 },
		"Groups[1].Tolerate = -1: must be":         func(c *C) { c.Groups[1].Tolerate = -1 },
		"Groups[0].Members[1] = 4: must be":        func(c *C) { c.Groups[0].Members[1] = 4 },
		"Groups[0].Members[1] = 0: is a member":    func(c *C) { c.Groups[0].Members[1] = 0 },
		"Volumes[0].Count = 0: must be":            func(c *C) { c.Volumes[0].Count = 0 },
		"len(Volumes[1].Groups) = 0: must be":      func(c *C) { c.Volumes[1].Groups = nil },
		"Volumes[1].Groups[0] = 2: must be one of": func(c *C) { c.Volumes[1].Groups[0] = 2 },
		"len(Volumes) = 0: must be at least 1":     func(c *C) { c.Volumes = nil },
	} {
		c := down(shards(2, 2), 0.1)
		c.Hours = 10
		c.Domains = []Domains{{Count: 2, Of: []int32{0, 0, 1, 1}, Lifetime: Law{Mean: 9},
			Repair: Law{Mean: 1}}}
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		spoil(&c)
		var bad *ConfigError
		if err := c.Validate(); !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), "fleet: "+want) {
			t.Errorf("%v, expected %s", err, want)
		}
		if r, err := Run(context.Background(), c, nil); err == nil || r.Hours != 0 {
			t.Errorf("%s: it runs all the same", want)
		}
	}
}

func TestFormsHaveNames(t *testing.T) {
	for _, f := range []Form{Exponential, Constant, Uniform, Weibull} {
		if got, err := ParseForm(f.String()); err != nil || got != f {
			t.Errorf("%v becomes %v, %v", f, got, err)
		}
	}
	if _, err := ParseForm("normal"); err == nil || !strings.Contains(err.Error(), "uniform") {
		t.Error(err)
	}
}

// FuzzConfig spoils a valid fleet here and there. What passes Validate must run.
func FuzzConfig(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(seed, []byte{byte(seed), byte(3 * seed), 1, byte(seed % 5)})
	}
	f.Add(uint64(1), []byte{})
	f.Fuzz(func(t *testing.T, seed uint64, spoil []byte) {
		random := node.NewStream(seed, "fuzz")
		c := anyConfig(&random)
		c.Hours = 20
		for ; len(spoil) >= 2; spoil = spoil[2:] {
			spoilt(&c, int(spoil[0]), int(int8(spoil[1])))
		}
		var bad *ConfigError
		switch err := c.Validate(); {
		case err == nil:
		case errors.As(err, &bad) && bad.Field != "" && bad.Want != "":
			return
		default:
			t.Fatal(err)
		}
		if c.Events() > 1e5 || c.Hosts > 1000 {
			return
		}
		r, err := Run(context.Background(), c, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range []Estimate{r.Hosts, r.Volumes, r.Storage, r.Incident, r.Frequency} {
			if !(e.Low <= e.Value && e.Value <= e.High) || e.High > 1 && i < 4 {
				t.Fatalf("estimate %d: %+v", i, e)
			}
		}
	})
}

// spoilt sets one field to a value that may make no sense.
func spoilt(c *Config, what, to int) {
	at := what / 16
	switch what % 16 {
	case 0:
		c.Hosts += to
	case 1:
		c.Hours *= float64(to) / 4
	case 2:
		c.Level = float64(to) / 100
	case 3:
		c.Batches = to
	case 4:
		c.Lifetime.Form = Form(to)
	case 5:
		c.Lifetime.Mean = float64(to) / 8
	case 6:
		c.Lifetime.Shape = float64(to) / 16
	case 7:
		c.Repair.Form = Form(to)
	case 8:
		c.Repair.Mean = math.Exp(float64(to))
	case 9:
		for i := range c.Domains {
			c.Domains[i].Count += to
		}
	case 10:
		c.Groups[at%len(c.Groups)].Tolerate = to
	case 11:
		members := c.Groups[at%len(c.Groups)].Members
		members[at%len(members)] = int32(to)
	case 12:
		c.Volumes[at%len(c.Volumes)].Count = to
	case 13:
		if groups := c.Volumes[at%len(c.Volumes)].Groups; len(groups) > 0 {
			groups[at%len(groups)] = int32(to)
		}
	case 14:
		c.Volumes[at%len(c.Volumes)].Groups = nil
	case 15:
		c.Groups = append(c.Groups, Group{Members: []int32{int32(to)}})
	}
}
