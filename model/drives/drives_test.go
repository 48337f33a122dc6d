package drives_test

import (
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/container-football/pitch/model/drives"
)

func TestTheSampleTableGivesRatesWithIntervals(t *testing.T) {
	f, err := os.Open("../../docs/examples/drive-stats.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var table drives.Table
	if err := table.Read("drive-stats.csv", f); err != nil {
		t.Fatal(err)
	}
	models := table.Models()
	if len(models) != 3 || models[0].Name != "EXAMPLE-A14T" || models[2].Name != "" {
		t.Fatalf("models %+v", models)
	}
	// One failure on the fifth of ten days: 24·10 - 5 days. The interval of one event is
	// (0.0253, 5.5716) by Garwood's table.
	a := models[0]
	if a.Drives != 24 || a.Days != 235 || a.Failures != 1 {
		t.Errorf("%+v", a)
	}
	for _, c := range []struct{ got, want float64 }{{a.AFR, 365. / 235}, {a.Low, 0.025318 * 365 / 235},
		{a.High, 5.571643 * 365 / 235}, {a.LambdaPerHour(), 1. / (235 * 24)}} {
		if math.Abs(c.got/c.want-1) > 1e-5 {
			t.Errorf("got %g, expected %g", c.got, c.want)
		}
	}
	if all := models[2]; all.Drives != 40 || all.Failures != 1 {
		t.Errorf("all together: %+v", all)
	}
}

func TestABrokenTableIsRefusedWithItsPlace(t *testing.T) {
	const header = "date,serial_number,model,failure\n"
	for name, c := range map[string]struct{ in, want string }{
		"empty":         {"", "f.csv:1: empty; expected a header line with date, serial_number, model, failure"},
		"no column":     {"date,serial,model,failure\n", "f.csv:1: no column serial_number; expected date, serial_number, model, failure"},
		"a date":        {header + "2026-13-01,a,m,0\n", `f.csv:2: date "2026-13-01": expected YYYY-MM-DD`},
		"a failure":     {header + "2026-01-01,a,m,0\n2026-01-02,a,m,yes\n", `f.csv:3: failure "yes": expected 0 or 1`},
		"no serial":     {header + "2026-01-01,,m,0\n", "f.csv:2: serial_number and model must not be empty"},
		"too few":       {header + "2026-01-01,a\n", "f.csv:2: wrong number of fields"},
		"an open quote": {header + "2026-01-01,\"a,m,0\n", `f.csv:2: extraneous or missing " in quoted-field`},
	} {
		var table drives.Table
		err := table.Read("f.csv", strings.NewReader(c.in))
		var place *drives.TableError
		if !errors.As(err, &place) || err.Error() != c.want {
			t.Errorf("%s:\n got %v\nwant %s", name, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("date,serial_number,model,failure\n2026-01-01,a,m,1\n")
	f.Add("\ufeffdate,serial_number,model,capacity_bytes,failure\n2026-01-01,a,m,\"1,0\",0\n")
	f.Fuzz(func(t *testing.T, in string) {
		var table drives.Table
		if table.Read("f.csv", strings.NewReader(in)) != nil {
			return
		}
		for _, m := range table.Models() {
			if m.Failures > m.Days || m.Drives > m.Days || !(m.Low <= m.AFR && m.AFR <= m.High) {
				t.Errorf("%+v", m)
			}
		}
	})
}
