package study

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"runtime"
	"strconv"

	"github.com/container-football/pitch/internal/durable"
)

// A journal holds what has been answered: a header and then one line a cell, in the order in which
// they were answered, each with a checksum in front. A run that was killed leaves at most one line
// half written; a machine that lost power may leave anything. What does not have its checksum is
// answered anew.
type journal struct {
	head  header
	cells map[int][]Row
	bad   int  // lines that were not what had been written
	mixed bool // the cells are not in their order, as while a run goes on
	f     *os.File
}

// header says what the answers are to. Two journals belong together if all of it but the shard is
// the same.
type header struct {
	Format   int    `json:"pitch_study"`
	Study    string `json:"study"`
	Hash     string `json:"sha256"`  // of the study file
	Version  string `json:"version"` // of pitch
	Platform string `json:"platform"`
	Cells    int    `json:"cells"`
	Shard    Shard  `json:"shard"`
}

type line struct {
	Cell int   `json:"cell"`
	Rows []Row `json:"rows"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrOther is wrapped by the error of a run whose folder holds results that are not its own.
var ErrOther = errors.New("results of another run")

func (p *Plan) header(version string, s Shard) header {
	return header{Format: Format, Study: p.File.Name, Hash: p.File.Hash, Version: version,
		// The last bits of a value may differ between processors.
		Platform: runtime.GOARCH, Cells: p.Cells(), Shard: s}
}

// differs says in what two journals are not of the same run, or "".
func (h header) differs(o header) string {
	switch {
	case h.Study != o.Study:
		return fmt.Sprintf("study %q, not %q", o.Study, h.Study)
	case h.Hash != o.Hash:
		return fmt.Sprintf("another version of the study file (SHA-256 %.12s, not %.12s)", o.Hash, h.Hash)
	case h.Version != o.Version:
		return fmt.Sprintf("version %s of pitch, not %s", o.Version, h.Version)
	case h.Platform != o.Platform:
		return fmt.Sprintf("platform %s, not %s, whose last digits may differ", o.Platform, h.Platform)
	case h.Cells != o.Cells || h.Format != o.Format:
		return fmt.Sprintf("%d cells in format %d, not %d in %d", o.Cells, o.Format, h.Cells, h.Format)
	}
	return ""
}

// others says why a journal cannot be continued or replaced by one with this header, or nil.
func (h header) others(path string, o header) error {
	why := h.differs(o)
	if why == "" && h.Shard != o.Shard {
		why = fmt.Sprintf("shard %s, not %s", o.Shard, h.Shard)
	}
	if why == "" {
		return nil
	}
	return fmt.Errorf("%s holds %w: %s", path, ErrOther, why)
}

// readJournal reads a journal and checks every line of it. The error wraps fs.ErrNotExist if there
// is none, also if the header was never written to its end.
func readJournal(path string, plan *Plan) (*journal, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	first, rest, whole := bytes.Cut(data, []byte("\n"))
	if !whole {
		return nil, fmt.Errorf("%s: the header is not complete: %w", path, fs.ErrNotExist)
	}
	j := &journal{cells: map[int][]Row{}}
	body, ok := checked(first)
	if !ok || json.Unmarshal(body, &j.head) != nil || j.head.Format != Format {
		return nil, fmt.Errorf("%s: is not the journal of a study: %w", path, ErrOther)
	}
	if plan == nil {
		return j, nil
	}
	last := -1
	for len(rest) > 0 {
		var text []byte
		text, rest, whole = bytes.Cut(rest, []byte("\n"))
		var l line
		body, ok := checked(text)
		if !whole || !ok || json.Unmarshal(body, &l) != nil || !plan.fits(&l, j.head.Shard) {
			j.bad++
			continue
		}
		if _, twice := j.cells[l.Cell]; !twice {
			j.cells[l.Cell] = l.Rows
		}
		j.mixed = j.mixed || l.Cell <= last
		last = l.Cell
	}
	return j, nil
}

// checked returns what follows the checksum at the front of a line, if that is right.
func checked(text []byte) ([]byte, bool) {
	sum, body, ok := bytes.Cut(text, []byte(" "))
	if !ok || len(sum) != 8 {
		return nil, false
	}
	want, err := strconv.ParseUint(string(sum), 16, 32)
	return body, err == nil && uint32(want) == crc32.Checksum(body, castagnoli)
}

func sealed(v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.Checksum(body, castagnoli), body), nil
}

// fits says whether a line answers what the plan asks, and fills in what the line leaves out.
func (p *Plan) fits(l *line, s Shard) bool {
	if l.Cell < 0 || l.Cell >= p.Cells() || !s.Has(l.Cell) {
		return false
	}
	i := 0
	for a := range p.File.Asks {
		for _, engine := range p.File.Asks[a].Engines {
			if i >= len(l.Rows) || l.Rows[i].Ask != a || l.Rows[i].Engine != engine {
				return false
			}
			l.Rows[i].Cell = l.Cell
			i++
		}
	}
	return i == len(l.Rows)
}

// openJournal opens the journal of a run for appending, with what it holds already. With fresh,
// what it holds is thrown away.
func openJournal(path string, plan *Plan, head header, fresh bool) (*journal, error) {
	j, err := &journal{cells: map[int][]Row{}}, error(nil)
	if !fresh {
		j, err = readJournal(path, plan)
	}
	switch {
	case fresh || errors.Is(err, fs.ErrNotExist):
		j = &journal{cells: map[int][]Row{}}
	case err != nil:
		return nil, err
	default:
		if err := head.others(path, j.head); err != nil {
			return nil, err
		}
	}
	intact := err == nil && !fresh && j.bad == 0
	j.head = head
	if !intact {
		if err := j.rewrite(path); err != nil {
			return nil, err
		}
	}
	j.f, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0o666)
	return j, err
}

// append adds the answers of a cell.
func (j *journal) append(cell int, rows []Row) error {
	j.mixed = true
	text, err := sealed(line{cell, rows})
	if err == nil {
		_, err = j.f.Write(text)
	}
	j.cells[cell] = rows
	return err
}

// rewrite writes the whole journal anew, in the order of the cells, and puts it in the place of
// the old one in one step.
func (j *journal) rewrite(path string) error {
	var text bytes.Buffer
	put := func(v any) error {
		line, err := sealed(v)
		text.Write(line)
		return err
	}
	if err := put(j.head); err != nil {
		return err
	}
	for cell := range j.head.Cells {
		if rows, ok := j.cells[cell]; ok {
			if err := put(line{cell, rows}); err != nil {
				return err
			}
		}
	}
	return durable.Replace(path, text.Bytes(), 0o644)
}

// rows lists all answers in the order of the cells.
func (j *journal) rows() []Row {
	var out []Row
	for cell := range j.head.Cells {
		out = append(out, j.cells[cell]...)
	}
	return out
}
