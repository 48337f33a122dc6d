package study

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/container-football/pitch/internal/strict/stricttest"
)

var rewrite = flag.Bool("rewrite", false, "write docs/reference/study.md anew")

// The reference is made from the schema, so that it cannot fall behind.
func TestTheReferencePageListsAllKeys(t *testing.T) {
	const path = "../docs/reference/study.md"
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	tables, err := stricttest.Reference(text, order, variants)
	if err != nil {
		t.Fatal(err)
	}
	page := referenceHead + tables + referenceTail
	if *rewrite {
		if err := os.WriteFile(path, []byte(page), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != page {
		t.Error("docs/reference/study.md is not what the format is; go test ./study -run Reference -rewrite")
	}
}

var order = []string{"precision", "fleet", "axis", "design", "uncertain", "sensitivity", "ask", "plot"}

// variants are what the tables of keys cannot say.
var variants = func() map[string]string {
	out := map[string]string{
		"axis": "An axis has either `values`, or `from`, `to` and `points`. Axes and uncertain inputs are parameters of " +
			"[measures](measures.md); no two of them, and none of `[params]`, may be the same.\n",
		"ask": "A question is asked with the parameters of `[params]`, of all axes and of all uncertain inputs, less those in " +
			"`without`, and with its own `params`. What a measure does not take must be named in `without`: nothing is " +
			"left out silently.\n",
		"sensitivity": "For each input that is named, and in each combination of the axes: the answer with this input at its 5 % and " +
			"95 % quantile and the others at their medians, and the elasticity d ln answer / d ln input at the medians.\n",
	}
	for name, u := range map[string]string{"uncertain": "distribution", "plot": "kind"} {
		var b strings.Builder
		fmt.Fprintf(&b, "| `%s` | needs | takes | is |\n|---|---|---|---|\n", u)
		for _, union := range format.Unions {
			if union.Decider != u {
				continue
			}
			for _, v := range union.Variants {
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", v.Name, keys(v.Required), keys(v.Optional), v.Doc)
			}
			fmt.Fprintf(&b, "\nAll take %s.\n", keys(union.Common))
		}
		out[name] = b.String()
	}
	return out
}()

func keys(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "`" + strings.Join(names, "`, `") + "`"
}

const referenceHead = `# Study files

A study is one strict TOML file: an unknown or misspelt key is an error with its line and column. ` + "`pitch schema study`" + ` prints
a JSON Schema for editors. This page is made from the code (` + "`go test ./study -run Reference -rewrite`" + `). How to write a
study is told in [Run a study](../how-to/run-a-study.md).

## Top level

`

const referenceTail = `
## Results

` + "`pitch study NAME.toml`" + ` writes into ` + "`out/NAME`" + `:

| file | holds |
|---|---|
| ` + "`NAME.csv`, `NAME.jsonl`, `NAME.parquet`" + ` | the same tidy table, one row a cell, question and engine |
| ` + "`NAME-PLOT.svg`, `.png`, `.pdf`" + ` | the pictures |
| ` + "`NAME-PLOT.csv`" + ` | the data of a picture |
| ` + "`NAME.md`" + ` | questions, methods, agreement of engines, uncertainty, what had no answer |
| ` + "`study.toml`" + ` | a copy of the study |
| ` + "`answers.journal`" + ` | the answers as they came, each with a checksum: from it a run that was stopped goes on |

| column | meaning |
|---|---|
| ` + "`study`, `cell`" + ` | name of the study, number of the combination of inputs, from 0 |
| ` + "`role`" + ` | ` + "`point`" + `, or a variation for the sensitivity: ` + "`base`, `low`, `high`, `down`, `up`" + ` |
| ` + "`varied`" + ` | the input that a variation moves |
| one for each axis and uncertain input | its value |
| ` + "`ask`, `measure`, `unit`" + ` | the question |
| ` + "`engine`, `method`" + ` | who answered, and how |
| ` + "`value`" + ` | the answer; ` + "`inf`" + ` is infinite, empty is unknown |
| ` + "`low`, `high`, `level`" + ` | interval of an estimate |
| ` + "`samples`, `hits`, `ess`" + ` | what an estimate rests on; ` + "`ess`" + ` is the effective number of hits |
| ` + "`seed`" + ` | of its random stream |
| ` + "`coarse`" + ` | the wanted relative error was not reached |
| ` + "`note`, `error`" + ` | what the reader must know; why there is no answer |
| ` + "`version`, `input`" + ` | of pitch; first half of the study file's SHA-256 |

In JSON lines, what is not there is left out, and infinities are ` + "`\"+inf\"` and `\"-inf\"`" + `. In Parquet, it is null.

The journal begins with a header: format, study, SHA-256 of the file, version, processor architecture, number of cells, and
shard. Results of another study, another version or another architecture are never mixed in. Each line after it is the CRC-32C of
the rest, and the answers of one cell as JSON. A line that is cut off or damaged is answered anew.
`
