package strict_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/container-football/pitch/internal/strict"
	"github.com/container-football/pitch/internal/strict/stricttest"
)

// FuzzDecode looks for texts that make the decoder panic, for complaints that point outside the
// file, and for plans that are sound but not to the schema, or become others when written.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte("name = 'x'\ncase = [{name = \"A\", params = {a.b = 1}}]\n'' = 1\na.b.c = [[{}]]\n"))
	f.Add([]byte("values = [1, -0.0, 'a', inf, 1979-05-27, {}]\r\n[[design]]\n[params.x]\ny = nan"))
	f.Add([]byte("grid = [[1], []]\n[[shape]]\nkind = 'dot'\nat = \"\"\"\n1m\"\"\"\n[shape.more.a]"))
	f.Add([]byte("\"\u534d"))
	schema, err := format.Schema("a plan", &plan{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parse(string(data))
		if err != nil {
			checkPlace(t, data, err)
			return
		}
		if err := stricttest.Conforms(schema, data); err != nil {
			t.Errorf("not to the schema: %v", err)
		}
		text := format.Write(p)
		if again, err := parse(string(text)); err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("%v: became\n%s", err, text)
		}
	})
}

// checkPlace fails unless an error points at a character of the file, or just behind a line.
func checkPlace(t *testing.T, data []byte, err error) {
	t.Helper()
	var e *strict.Error
	if !errors.As(err, &e) {
		t.Fatalf("%T is not an Error", err)
	}
	lines := bytes.Split(data, []byte("\n"))
	if e.Line < 1 || e.Line > len(lines) || e.Column < 1 {
		t.Fatalf("is outside the file: %v", err)
	}
	if most := utf8.RuneCount(lines[e.Line-1]) + 1; e.Column > most {
		t.Fatalf("is beyond column %d, where the line ends: %v", most, err)
	}
}
