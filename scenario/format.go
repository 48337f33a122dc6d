package scenario

import (
	"errors"
	"reflect"
	"regexp"

	"github.com/container-football/pitch/internal/strict"
	"github.com/container-football/pitch/internal/units"
)

// format is what the struct tags of File are too short for. See package strict for the tags.
var format = strict.Format{
	Name:     "scenario",
	MaxMiB:   16, // replays hold every random choice, written out
	Enums:    enums,
	Patterns: patterns,
	Texts:    textForms,
	Unions: map[reflect.Type]*strict.Union{
		reflect.TypeFor[Step]():     &stepUnion,
		reflect.TypeFor[Workload](): &workloadUnion,
	},
	Sentinels:    map[string]int64{"unbounded": Unbounded},
	Descriptions: descriptions,
}

// patterns are the forms of names, with how to describe them in a message.
var patterns = map[string]strict.Pattern{
	"name": {Form: regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`),
		What: "1 to 64 letters, digits, underscores, dots and hyphens"},
	"slug": {Form: regexp.MustCompile(`^[a-z0-9-]{1,128}$`),
		What: "1 to 128 lower-case letters, digits and hyphens"},
}

// enums are the closed sets of words.
var enums = map[string][]string{
	"worlds":   {"sim", "local"},
	"sectors":  {"512B", "4KiB"},
	"unsynced": {"keep", "lose-all", "lose-some"},
	"faults": {"drop", "delay", "duplicate", "reorder", "partition", "pause", "crash", "disk-slow",
		"torn-write"},
	"verdicts":     {"ok", "violated"},
	"compressions": {"none", "s2", "zstd"},
	"checks": {"linearizable", "prefix", "durable", "rpo", "lineage", "converges",
		"one-primary", "sync-limit", "fenced"},
}

// textForms are the types that a file holds as strings with a form of their own.
var textForms = func() map[reflect.Type]strict.TextForm {
	forms := units.Forms()
	forms[reflect.TypeFor[FaultRate]()] = strict.TextForm{What: `a rate such as "1 per 500 ops"`,
		Pattern: `^ *[0-9]+ +per +[0-9]+ +ops *$`}
	forms[reflect.TypeFor[Until]()] = strict.TextForm{
		What:    `"heal", "end" or a duration such as "5s"`,
		Pattern: `^(heal|end|([0-9]+(\.[0-9]+)?(h|m|s|ms|us|ns))+)$`}
	forms[reflect.TypeFor[Condition]()] = strict.TextForm{
		What: `a condition such as "acked(w1) >= 100"`, Pattern: `\(`, Offset: conditionOffset}
	forms[reflect.TypeFor[Only]()] = strict.TextForm{
		What: `a choice such as "winner == a"`, Pattern: `[!=]=`}
	return forms
}()

// conditionOffset lets a complaint about a condition point into its text.
func conditionOffset(err error) (int, bool) {
	var ce *ConditionError
	if errors.As(err, &ce) {
		return ce.Offset, true
	}
	return 0, false
}
