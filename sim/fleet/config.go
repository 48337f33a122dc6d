package fleet

import "fmt"

// A Config is what a fleet consists of, and for how long it is watched. Hosts, groups and domains
// are numbered from 0.
type Config struct {
	Seed  uint64 // of all random streams; every value is as good as any other
	Hosts int    // at least 1

	Lifetime Law // of each host: hours from when it comes up until it fails; not a constant
	Repair   Law // of each host: hours from when it fails until it is up; not a Weibull law

	// Domains are the levels of failure domains, such as racks and sites. A host is down while it
	// is down itself or any of its domains is; it fails and is repaired meanwhile as always.
	Domains []Domains

	Groups  []Group // sets of hosts in which content lies whole
	Volumes []Class // LVs, in classes that share their fate

	Hours   float64 // of virtual time to watch the fleet for: above 0, at most MaxHours
	Level   float64 // of the intervals, within 0.5 and 0.9999; 0: 0.95
	Batches int     // parts of the time that intervals are made from, 2 to 1000; 0: 40
}

// MaxHours is the longest time that can be simulated: 57,000 years.
const MaxHours = 5e8

// Domains is one level of failure domains. Each of them is up and down in turn by these laws.
type Domains struct {
	Name     string  // for messages: "rack"
	Of       []int32 // by host: which domain it is in
	Count    int     // of domains: Of is within 0 and Count-1
	Lifetime Law     // hours from when a domain comes up until it fails; not a constant
	Repair   Law     // hours from when it fails until it is up; not a Weibull law
}

// A Group is a set of different hosts. It is lost while more than Tolerate of them are down.
type Group struct {
	Members  []int32
	Tolerate int // at least 0, less than there are members
}

// A Class is a number of LVs that share their fate: they are down while any of these groups is
// lost. A group that stands there twice holds twice as much of each of them.
type Class struct {
	Groups []int32 // at least one
	Count  int     // LVs, at least 1
}

// A ConfigError says which field of a Config cannot be used.
type ConfigError struct {
	Field string // such as "Groups[3].Tolerate"
	Value any
	Want  string // what is valid
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("fleet: %s = %v: %s", e.Field, e.Value, e.Want)
}

const (
	mostHosts   = 1 << 24
	mostEntries = 1<<31 - 1 // of members of groups, and of groups of classes: offsets are int32
	mostVolumes = 1 << 30
	mostLevels  = 16
)

// Validate names the first field that cannot be used; the error is a *ConfigError.
func (c *Config) Validate() error {
	bad := func(value any, want, field string, args ...any) error {
		return &ConfigError{Field: fmt.Sprintf(field, args...), Value: value, Want: want}
	}
	switch {
	case c.Hosts < 1 || c.Hosts > mostHosts:
		return bad(c.Hosts, "must be within 1 and 16,777,216", "Hosts")
	case !(c.Hours > 0 && c.Hours <= MaxHours):
		return bad(c.Hours, "must be above 0 and at most 5e8 hours", "Hours")
	case c.Level != 0 && !(c.Level >= 0.5 && c.Level <= 0.9999):
		return bad(c.Level, "must be within 0.5 and 0.9999, or 0 for 0.95", "Level")
	case c.Batches != 0 && (c.Batches < 2 || c.Batches > 1000):
		return bad(c.Batches, "must be within 2 and 1000, or 0 for 40", "Batches")
	case len(c.Domains) > mostLevels:
		return bad(len(c.Domains), "must be at most 16 levels", "len(Domains)")
	}
	if err := validLaws("", &c.Lifetime, &c.Repair); err != nil {
		return err
	}
	domains := 0
	for i := range c.Domains {
		if err := c.Domains[i].validate(fmt.Sprintf("Domains[%d].", i), c.Hosts); err != nil {
			return err
		}
		if domains += c.Domains[i].Count; domains > mostHosts {
			return bad(c.Domains[i].Count, "all levels together have more than 16,777,216 domains",
				"Domains[%d].Count", i)
		}
	}
	if err := c.validGroups(); err != nil {
		return err
	}
	return c.validVolumes()
}

func (d *Domains) validate(field string, hosts int) error {
	if d.Count < 1 || d.Count > mostHosts {
		return &ConfigError{field + "Count", d.Count, "must be within 1 and 16,777,216"}
	}
	if len(d.Of) != hosts {
		return &ConfigError{"len(" + field + "Of)", len(d.Of),
			fmt.Sprintf("must be %d, one for each host", hosts)}
	}
	for h, of := range d.Of {
		if of < 0 || int(of) >= d.Count {
			return &ConfigError{fmt.Sprintf("%sOf[%d]", field, h), of,
				fmt.Sprintf("must be within 0 and %d", d.Count-1)}
		}
	}
	return validLaws(field, &d.Lifetime, &d.Repair)
}

func validLaws(field string, lifetime, repair *Law) error {
	if err := lifetime.validate(field + "Lifetime."); err != nil {
		return err
	}
	if lifetime.Form == Constant {
		// What failed together once would go on to do so: however long a run is, it would tell of the
		// moments at which it happened to begin, and of nothing else.
		return &ConfigError{field + "Lifetime.Form", lifetime.Form,
			"lifetimes that are all alike keep step for ever; only repairs may be constant"}
	}
	if repair.Form == Weibull {
		// Of a law whose rest can be longer than the whole, no bound of an outage would be known.
		return &ConfigError{field + "Repair.Form", repair.Form, "only lifetimes may have a Weibull law"}
	}
	return repair.validate(field + "Repair.")
}

func (c *Config) validGroups() error {
	seen := make([]int32, c.Hosts) // the last group that a host was seen in, from 1
	members := 0
	for g, group := range c.Groups {
		if group.Tolerate < 0 || group.Tolerate >= len(group.Members) {
			return &ConfigError{fmt.Sprintf("Groups[%d].Tolerate", g), group.Tolerate,
				fmt.Sprintf("must be at least 0 and less than the %d members", len(group.Members))}
		}
		if members += len(group.Members); members > mostEntries || g >= mostEntries {
			return &ConfigError{"Groups", members, "there are too many members in all"}
		}
		for i, h := range group.Members {
			if h < 0 || int(h) >= c.Hosts {
				return &ConfigError{fmt.Sprintf("Groups[%d].Members[%d]", g, i), h,
					fmt.Sprintf("must be within 0 and %d", c.Hosts-1)}
			}
			if seen[h] == int32(g)+1 {
				return &ConfigError{fmt.Sprintf("Groups[%d].Members[%d]", g, i), h,
					"is a member already"}
			}
			seen[h] = int32(g) + 1
		}
	}
	return nil
}

func (c *Config) validVolumes() error {
	volumes, entries := 0, 0
	for i, class := range c.Volumes {
		if class.Count < 1 || class.Count > mostVolumes || volumes+class.Count > mostVolumes {
			return &ConfigError{fmt.Sprintf("Volumes[%d].Count", i), class.Count,
				"must be at least 1, and at most 2^30 of all classes together"}
		}
		volumes += class.Count
		if len(class.Groups) == 0 {
			return &ConfigError{fmt.Sprintf("len(Volumes[%d].Groups)", i), 0,
				"must be at least 1: on what do these volumes lie?"}
		}
		if entries += len(class.Groups); entries > mostEntries || i >= mostEntries {
			return &ConfigError{"Volumes", entries, "there are too many groups of classes in all"}
		}
		for j, g := range class.Groups {
			if g < 0 || int(g) >= len(c.Groups) {
				return &ConfigError{fmt.Sprintf("Volumes[%d].Groups[%d]", i, j), g,
					fmt.Sprintf("must be one of the %d groups, numbered from 0", len(c.Groups))}
			}
		}
	}
	if volumes == 0 {
		return &ConfigError{"len(Volumes)", 0, "must be at least 1: nothing else is measured"}
	}
	return nil
}

func (c *Config) setDefaults() {
	if c.Level == 0 {
		c.Level = 0.95
	}
	if c.Batches == 0 {
		c.Batches = 40
	}
}

// Events is about how many failures and repairs the run will have.
func (c *Config) Events() float64 {
	events := 2 * float64(c.Hosts) / (c.Lifetime.Mean + c.Repair.Mean)
	for i := range c.Domains {
		d := &c.Domains[i]
		events += 2 * float64(d.Count) / (d.Lifetime.Mean + d.Repair.Mean)
	}
	return events * c.Hours
}
