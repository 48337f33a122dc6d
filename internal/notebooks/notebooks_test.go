// Package notebooks holds the notebooks against the program: executed from start to end, on what
// the shipped studies answer today, none of their assertions may fail.
package notebooks_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	folder = "../../notebooks"
	// limit is how long a study or a notebook may take on a machine that does much else.
	limit = 3 * time.Minute
)

// notebook is the part of nbformat 4 that ours consist of.
type notebook struct {
	Cells         []cell          `json:"cells"`
	Metadata      json.RawMessage `json:"metadata"`
	NBFormat      int             `json:"nbformat"`
	NBFormatMinor int             `json:"nbformat_minor"`
}

type cell struct {
	Type           string            `json:"cell_type"`
	ID             string            `json:"id"`
	Metadata       map[string]any    `json:"metadata"`
	Source         []string          `json:"source"`
	ExecutionCount json.RawMessage   `json:"execution_count"`
	Outputs        []json.RawMessage `json:"outputs"`
}

// kernel is all the metadata that a notebook keeps.
const kernel = `{"kernelspec":{"display_name":"Python 3","language":"python","name":"python3"}}`

var (
	cellID = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)
	loads  = regexp.MustCompile(`\bload\("([a-z0-9-]+)"\)`)
	escape = regexp.MustCompile(`\x1b\[[0-9;]*m`)
)

// files lists all notebooks.
func files(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(folder, "*.ipynb"))
	if err != nil || len(list) == 0 {
		t.Fatalf("no notebooks: %v", err)
	}
	return list
}

// read parses a notebook; what is not in the form of nbformat 4.5 that we keep is an error.
func read(t *testing.T, file string) notebook {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	var nb notebook
	if err := dec.Decode(&nb); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return nb
}

// studies lists what the notebooks load.
func studies(t *testing.T) []string {
	t.Helper()
	names := map[string]bool{}
	for _, file := range files(t) {
		for _, c := range read(t, file).Cells {
			for _, m := range loads.FindAllStringSubmatch(strings.Join(c.Source, ""), -1) {
				names[m[1]] = true
			}
		}
	}
	if len(names) == 0 {
		t.Fatal(`no notebook has a load("…"): have they another form now?`)
	}
	return slices.Sorted(maps.Keys(names))
}

func TestNotebooksAreKeptWithoutOutputs(t *testing.T) {
	for _, file := range files(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			nb := read(t, file)
			if nb.NBFormat != 4 || nb.NBFormatMinor != 5 {
				t.Errorf("nbformat %d.%d, want 4.5", nb.NBFormat, nb.NBFormatMinor)
			}
			var meta bytes.Buffer
			if err := json.Compact(&meta, nb.Metadata); err != nil || meta.String() != kernel {
				t.Errorf("metadata %s, want %s", &meta, kernel)
			}
			if len(nb.Cells) == 0 || nb.Cells[0].Type != "markdown" ||
				len(nb.Cells[0].Source) == 0 || !strings.HasPrefix(nb.Cells[0].Source[0], "# ") {
				t.Error("the first cell is not text that begins with a title")
			}
			asserts, seen := 0, map[string]bool{}
			for _, c := range nb.Cells {
				stripped(t, c)
				if seen[c.ID] {
					t.Errorf("two cells are called %s", c.ID)
				}
				seen[c.ID] = true
				asserts += strings.Count("\n"+strings.Join(c.Source, ""), "\nassert ")
			}
			if asserts == 0 {
				t.Error("nothing is asserted")
			}
			canonical(t, file)
		})
	}
}

// stripped checks one cell.
func stripped(t *testing.T, c cell) {
	t.Helper()
	if !cellID.MatchString(c.ID) || len(c.Metadata) > 0 || len(c.Source) == 0 {
		t.Errorf("cell %q has no good id, or metadata, or no text", c.ID)
	}
	switch c.Type {
	case "markdown":
	case "code":
		if string(c.ExecutionCount) != "null" || c.Outputs == nil || len(c.Outputs) > 0 {
			t.Errorf("cell %s has outputs or an execution count; notebooks/README.md says how to "+
				"strip them", c.ID)
		}
		if strings.Contains(strings.Join(c.Source, ""), "read_csv") {
			t.Errorf("cell %s reads a file past pitch_results.load and its checks", c.ID)
		}
	default:
		t.Errorf("cell %s is of type %s", c.ID, c.Type)
	}
}

// canonical checks that a file has the bytes that Jupyter would write, so that saving a notebook
// changes only what was edited.
func canonical(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	enc := json.NewEncoder(&want)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(value); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want.Bytes()) {
		t.Error("not written as Jupyter does: sorted keys, an indent of 1, a newline at the end")
	}
}

func TestEveryStudyThatANotebookLoadsIsShipped(t *testing.T) {
	for _, name := range studies(t) {
		if _, err := os.Stat(filepath.Join("../../studies", name+".toml")); err != nil {
			t.Error(err)
		}
	}
}

func TestNotebooksExecuteFromStartToEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("half a minute")
	}
	t.Parallel()
	j := newJupyter(t)
	dir := t.TempDir()
	pitch := filepath.Join(dir, "pitch")
	if out, err := run(t, nil, "go", "build", "-o", pitch, "../../cmd/pitch"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	results := filepath.Join(dir, "out")
	for _, name := range studies(t) {
		start := time.Now()
		file := filepath.Join("../../studies", name+".toml")
		if out, err := run(t, nil, pitch, "study", file, "--out", results, "--formats", "none"); err != nil {
			t.Fatalf("%s: %v\n%s", file, err, out)
		}
		t.Logf("study %s: %.1f s", name, time.Since(start).Seconds())
	}
	for _, file := range files(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			executed, out, err := j.execute(t, file, results)
			if err != nil {
				t.Fatalf("%v\n%s", err, lastLines(out, 25))
			}
			pictures := 0
			for _, c := range read(t, executed).Cells {
				for _, o := range c.Outputs {
					pictures += bytes.Count(o, []byte(`"image/png"`))
				}
			}
			if pictures < 3 {
				t.Errorf("%d pictures", pictures)
			}
		})
	}
}

func TestNotebookNamesTheCommandForMissingResults(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Python")
	}
	t.Parallel()
	j := newJupyter(t)
	results := filepath.Join(t.TempDir(), "nothing here")
	_, out, err := j.execute(t, files(t)[0], results)
	if err == nil {
		t.Fatal("a notebook was executed without any results")
	}
	want := "bin/pitch study studies/bigcluster-vs-sharding.toml --out '" + results + "'"
	if !strings.Contains(lastLines(out, 25), want) {
		t.Fatalf("the message does not name the command\n%s\nbut says\n%s", want, lastLines(out, 25))
	}
}

// jupyter executes notebooks, out of sight of what the user of this machine has configured.
type jupyter struct {
	program string
	env     []string
}

// packages are what executing a notebook needs, as Debian calls them.
const packages = "jupyter-nbconvert python3-ipykernel python3-pandas python3-matplotlib"

// newJupyter finds Jupyter and tries it. Where something is missing, the test is skipped; in CI,
// where everything has to be there, it fails.
func newJupyter(t *testing.T) *jupyter {
	t.Helper()
	missing := t.Skipf
	if os.Getenv("CI") != "" {
		missing = t.Fatalf
	}
	program, err := exec.LookPath("jupyter-nbconvert")
	if err != nil {
		missing("no jupyter-nbconvert here; apt-get install %s", packages)
	}
	home := t.TempDir()
	own := os.Getenv("PYTHONUSERBASE") // where pip has put packages of the user, seen from HOME
	if h, err := os.UserHomeDir(); own == "" && err == nil {
		own = filepath.Join(h, ".local")
	}
	j := &jupyter{program, []string{
		"HOME=" + home, "PYTHONUSERBASE=" + own, "PYTHONDONTWRITEBYTECODE=1",
		"JUPYTER_CONFIG_DIR=" + home, "JUPYTER_DATA_DIR=" + home, "JUPYTER_RUNTIME_DIR=" + home,
		"IPYTHONDIR=" + home, "MPLCONFIGDIR=" + home,
		// Pictures become outputs, drawn by Agg: no window is opened.
		"MPLBACKEND=module://matplotlib_inline.backend_inline",
	}}
	probe := filepath.Join(home, "probe.ipynb")
	text := `{"cells": [{"cell_type": "code", "id": "probe", "metadata": {}, "execution_count": null,
		"outputs": [], "source": ["import tomllib, numpy, pandas, matplotlib.pyplot"]}],
		"metadata": ` + kernel + `, "nbformat": 4, "nbformat_minor": 5}`
	if err := os.WriteFile(probe, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, out, err := j.execute(t, probe, home); err != nil {
		missing("Jupyter cannot run what the notebooks import; apt-get install %s\n%s",
			packages, lastLines(out, 3))
	}
	return j
}

// execute runs all cells of a notebook. It returns the file with the outputs and what was printed.
// The kernel opens no ports but sockets in a folder of its own, whose name has to be short.
func (j *jupyter) execute(t *testing.T, file, results string) (executed, printed string, err error) {
	t.Helper()
	dir, sockets := t.TempDir(), socketFolder(t)
	printed, err = run(t, slices.Concat(j.env, []string{"PITCH_RESULTS=" + results}), j.program,
		"--execute", "--to", "notebook", "--output-dir", dir, "--KernelManager.transport=ipc",
		"--KernelManager.ip="+filepath.Join(sockets, "k"), file)
	return filepath.Join(dir, filepath.Base(file)), printed, err
}

func socketFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "nb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// run runs a command and returns what it printed. One that takes too long is interrupted, so that
// Jupyter can end its kernel, and killed if that does not help.
func run(t *testing.T, env []string, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// lastLines returns the end of what a program printed, without colours.
func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(escape.ReplaceAllString(s, "")), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
