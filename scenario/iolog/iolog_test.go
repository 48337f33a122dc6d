package iolog

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

const small = `fio version 3 iolog
0 /v add
5 /v open
10 /v write 4096 8192
20 /v read 0 512

15 /v trim 1000 9000
30 /v sync 4096 0
40 /v datasync 0 0
50 /v close
`

func TestParseVersion3(t *testing.T) {
	tr, err := Parse("t", strings.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	want := []Op{{2, 0, 0, Add, 0, 0}, {3, 5e3, 0, Open, 0, 0}, {4, 10e3, 0, Write, 4096, 8192},
		{5, 20e3, 0, Read, 0, 512}, {7, 15e3, 0, Trim, 1000, 9000}, {8, 30e3, 0, Sync, 4096, 0},
		{9, 40e3, 0, Datasync, 0, 0}, {10, 50e3, 0, Close, 0, 0}}
	if tr.Version != 3 || !reflect.DeepEqual(tr.Ops, want) ||
		!reflect.DeepEqual(tr.Files, []string{"/v"}) {
		t.Errorf("got %+v", tr)
	}
}

func TestParseVersion2(t *testing.T) {
	tr, err := Parse("t", strings.NewReader("fio version 2 iolog\r\n/v add\n/v open\n"+
		"/v wait 99 0\n/v write 0 1\n/v wait 100 0\n/v wait 1000 0\n/v read 0 1\n/v close\n"))
	if err != nil {
		t.Fatal(err)
	}
	var times []int64
	for _, op := range tr.Ops {
		times = append(times, op.Time)
	}
	if want := []int64{0, 0, 0, 0, 100e3, 1100e3, 1100e3, 1100e3}; !reflect.DeepEqual(times, want) {
		t.Errorf("got %v", times)
	}
}

func TestSectors(t *testing.T) {
	tr, err := Parse("t", strings.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	got, err := tr.Sectors(4096, 16384)
	want := []SectorOp{{4, 10e3, Write, 1, 2}, {5, 20e3, Read, 0, 1}, {7, 20e3, Trim, 1, 1},
		{8, 30e3, Sync, 0, 0}, {9, 40e3, Sync, 0, 0}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, c := range []struct {
		sector, device int64
		want           string
	}{
		{4096, 8192, "t:4: write of 8192 bytes at 4096 ends beyond the device of 8192 bytes"},
		{4096, 10000, "t: a device of 10000 bytes has no whole sectors of 4096 bytes"},
		{0, 0, "t: a device of 0 bytes has no whole sectors of 0 bytes"},
	} {
		if _, err := tr.Sectors(c.sector, c.device); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
	// A trim that covers no whole sector discards nothing.
	if got, err := tr.Sectors(16384, 16384); err != nil || len(got) != 4 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestSelect(t *testing.T) {
	tr, err := Parse("t", strings.NewReader("fio version 2 iolog\n/a add\n/a open\n/a wait 500 0\n"+
		"/b add\n/b open\n/a read 0 512\n/b write 512 512\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Sectors(512, 1024); err == nil ||
		err.Error() != "t: does I/O on 2 files (/a, /b); select one" {
		t.Errorf("got %v", err)
	}
	if _, err := tr.Select("/c"); err == nil ||
		err.Error() != `t: has no file "/c"; there are /a, /b` {
		t.Errorf("got %v", err)
	}
	b, err := tr.Select("/b")
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.Sectors(512, 1024)
	if want := []SectorOp{{8, 500e3, Write, 1, 1}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if err := b.Write(&bytes.Buffer{}); err != nil {
		t.Error(err)
	}
}

func TestParseErrors(t *testing.T) {
	v2, v3 := "fio version 2 iolog\n", "fio version 3 iolog\n"
	open2, open3 := v2+"/v add\n/v open\n", v3+"0 /v add\n0 /v open\n"
	for _, c := range []struct{ in, want string }{
		{"", `t:1: expected "fio version 2 iolog" or "fio version 3 iolog" in the first line, ` +
			`found an empty file`},
		{"0, 4096, 512\n", `t:1: expected "fio version 2 iolog" or "fio version 3 iolog" in the ` +
			`first line, found "0, 4096, 512"`},
		{v2 + "/v\n", `t:2: expected "file add|open|close" or "file action offset length", ` +
			`found 1 fields`},
		{v3 + "0 /v\n", `t:2: expected "timestamp file add|open|close" or "timestamp file action ` +
			`offset length", found 2 fields`},
		{v3 + "/v add\n", `t:2: expected a timestamp in microseconds, found "/v"`},
		{v3 + "-1 /v add\n", `t:2: expected a timestamp in microseconds, found "-1"`},
		{v3 + "9223372036854775807 /v add\n",
			`t:2: expected a timestamp in microseconds, found "9223372036854775807"`},
		{v2 + "/v mmap\n", `t:2: expected an action (add, open, close, read, write, sync, datasync, ` +
			`trim, wait), found "mmap"`},
		{open3 + "0 /v wait 100 0\n", `t:4: version 3 has no wait; its timestamps say when`},
		{open2 + "/v sync\n", `t:4: expected "file add|open|close" or "file action offset length", ` +
			`found "sync" with 2 fields`},
		{open2 + "/v read 1.5 512\n",
			`t:4: expected an offset as a whole number below 2^63, found "1.5"`},
		{open2 + "/v read 0 9223372036854775808\n",
			`t:4: expected a length as a whole number below 2^63, found "9223372036854775808"`},
		{open2 + "/v read 9223372036854775807 1\n",
			`t:4: read of 1 bytes at 9223372036854775807 ends beyond 2^63`},
		{open2 + "/v write 512 0\n", `t:4: write at 512 has length 0, expected at least 1`},
		{open2 + "/v wait 9223372036854775807 0\n",
			`t:4: wait of 9223372036854775807 microseconds is beyond 292 years`},
		{v2 + "/v open\n", `t:2: open of "/v", which no line before has added`},
		{v2 + "/v add\n/v read 0 1\n", `t:3: read of "/v", which is not open`},
		{open2 + "/v close\n/v read 0 1\n", `t:5: read of "/v", which is not open`},
		{open2 + "/w read 0 1\n", `t:4: read of "/w", which no line before has added`},
		{v2 + strings.Repeat("x", MaxName+1) + " add\n",
			`t:2: the file name is longer than 256 bytes`},
		{v2 + strings.Repeat("x", MaxLine+1), `t:2: the line is longer than 4095 bytes`},
	} {
		_, err := Parse("t", strings.NewReader(c.in))
		var e *Error
		if !errors.As(err, &e) || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
	_, err := Parse("t", iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(small))))
	if !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("got %v", err)
	}
}

func TestWriteErrors(t *testing.T) {
	for _, c := range []struct {
		tr   Trace
		want string
	}{
		{Trace{Version: 1}, "t: version is 1, expected 2 or 3"},
		{Trace{Version: 2, Ops: []Op{{Action: Add}}}, "t: file 0 of 0"},
		{Trace{Version: 2, Files: []string{"a b"}, Ops: []Op{{Action: Add}}},
			`t: the file name "a b" is empty or has spaces`},
		{Trace{Version: 3, Files: []string{"a"}, Ops: []Op{{Action: Add, Time: 1}}},
			"t: the time of 1 ns cannot be written, only 0 ns"},
		{Trace{Version: 3, Files: []string{"a"}, Ops: []Op{{Action: Read, Length: 1}}},
			`t:2: read of "a", which no line before has added`},
	} {
		c.tr.Name = "t"
		if err := c.tr.Write(&bytes.Buffer{}); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

// roundTrip writes the trace, reads it back, and compares all but the line numbers.
func roundTrip(t *testing.T, tr *Trace) {
	t.Helper()
	var b bytes.Buffer
	if err := tr.Write(&b); err != nil {
		t.Fatal(err)
	}
	again, err := Parse(tr.Name, bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	for i := range tr.Ops {
		tr.Ops[i].Line = again.Ops[i].Line
	}
	if !reflect.DeepEqual(tr, again) {
		t.Fatalf("%+v became\n%+v", tr, again)
	}
}

func TestRecordedTraces(t *testing.T) {
	paths, err := filepath.Glob("../../scenarios/traces/*.iolog")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no traces: %v", err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		tr, err := Parse(path, bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := tr.Write(&b); err != nil || !bytes.Equal(b.Bytes(), data) {
			t.Errorf("%s is written differently: %v", path, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("fio version 2 iolog\n/v add\n/v open\n/v wait 500 0\n/v trim 1 9\n/v close\n"))
	f.Add([]byte("fio version 3 iolog\n0 /v add\n0 /v open\n7 /v write 9223372036854775806 1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tr, err := Parse("fuzz", bytes.NewReader(data))
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Line < 1 || strings.Contains(err.Error(), "\n") {
				t.Fatalf("no line, or more than one: %q", err)
			}
			return
		}
		roundTrip(t, tr)
		for _, size := range []int64{512, 4096} {
			ops, err := tr.Sectors(size, 1<<20)
			for _, op := range ops {
				if op.First < 0 || op.Count < 0 || (op.First+op.Count)*size > 1<<20 {
					t.Fatalf("%+v is beyond the device (%v)", op, err)
				}
			}
		}
		for _, file := range tr.Files {
			part, err := tr.Select(file)
			if err != nil {
				t.Fatal(err)
			}
			roundTrip(t, part)
		}
	})
}
