package strict_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/container-football/pitch/internal/strict"
)

func TestTheFormatOfTheTestsIsSound(t *testing.T) {
	if err := format.Check(&plan{}); err != nil {
		t.Error(err)
	}
}

func TestWhatIsWrongWithAFormatIsFound(t *testing.T) {
	type union struct {
		Kind  int `toml:"kind"`
		Extra int `toml:"extra"`
	}
	type bad struct {
		None    int
		hidden  int              `toml:"hidden"`
		Words   string           `toml:"words" enum:"none" pattern:"none" min:"1"`
		Number  int              `toml:"number" default:"x" max:"y" pattern:"slug"`
		Small   int8             `toml:"small"`
		Map     map[int]string   `toml:"map"`
		Nested  []map[string]any `toml:"nested"`
		Pointer *[]string        `toml:"pointer"`
		Always  *int             `toml:"always" default:"1"`
		Table   look             `toml:"table" min:"1"`
		Items   string           `toml:"items" items:"2"`
		Twice   int              `toml:"items"`
		Union   []union          `toml:"union" default:"x"`
	}
	f := format
	f.Texts = map[reflect.Type]strict.TextForm{reflect.TypeFor[look](): {}}
	err := f.Check(&plan{})
	if err == nil || !strings.Contains(err.Error(), "strict_test.look: has no MarshalText") {
		t.Error(err)
	}
	f.Texts = nil
	f.Unions = map[reflect.Type]*strict.Union{reflect.TypeFor[union](): {Decider: "kind",
		Common: []string{"kind"}, Variants: []strict.Variant{{Name: "x", Optional: []string{"y"}}},
		OneOf: []string{"y"}}}
	f.Descriptions = map[string]string{"gone": "Gone."}
	err = f.Check(bad{hidden: 1})
	if err == nil {
		t.Fatal("nothing was found")
	}
	for _, want := range []string{
		"the field None of strict_test.bad needs a tag toml",
		"the field hidden of strict_test.bad needs a tag toml",
		"gone: is described but does not exist", "words: is not described",
		`words: there is no enum "none"`, `words: there is no pattern "none"`,
		"words: the tag min means nothing here", "number: default: strconv", "number: max: strconv",
		"number: the tag pattern means nothing here", "small: there is no decoder for int8",
		"map: there is no decoder for map[int]string", "nested: there is no decoder for []map",
		"pointer: a []string tells by itself", "always: has a default",
		"table: the tag min means nothing here", `items: items: "2" is no number of entries`,
		"items: is the key of two fields",
		"union: the tag default means nothing here", `union: a variant has the key "y"`,
		`union: no variant has the key "extra"`, `union: the key "y" is not common`,
		`union: the key "kind" decides, and must be a required string`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("not found: %s", want)
		}
	}
}
