package study

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/container-football/pitch/internal/durable"
)

// Merge puts the shards of a study together. dirs hold one complete shard each, in any order; the
// study is read from the first of them. What it leaves in dir is what one run leaves, to the last
// byte. Shards of other studies or versions, shards that are there twice, missing or not complete
// are refused with an error that says which.
func Merge(p *Plan, dirs []string, opt Options) (*Result, error) {
	j := &journal{cells: map[int][]Row{}, head: p.header(opt.Version, Shard{})}
	from := map[Shard]string{}
	of := 0
	for _, dir := range dirs {
		path := filepath.Join(dir, JournalName)
		part, err := readJournal(path, p)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("%s: holds no results of a study: %w", dir, fs.ErrNotExist)
		case err != nil:
			return nil, err
		}
		if why := j.head.differs(part.head); why != "" {
			return nil, fmt.Errorf("%s holds %w: %s", dir, ErrOther, why)
		}
		s := part.head.Shard
		if other, twice := from[s]; twice {
			return nil, fmt.Errorf("%s and %s both hold shard %s: %w", other, dir, s, ErrOther)
		}
		if of != 0 && s.Of != of {
			return nil, fmt.Errorf("%s holds shard %s, but others are of %d: %w", dir, s, of, ErrOther)
		}
		from[s], of = dir, s.Of
		if want := s.Count(p.Cells()); len(part.cells) < want {
			return nil, fmt.Errorf("%s: shard %s has %d of its %d cells; run it again, "+
				"and it goes on where it stopped: %w", dir, s, len(part.cells), want, ErrIncomplete)
		}
		for cell, rows := range part.cells {
			j.cells[cell] = rows
		}
	}
	for i := 1; i <= of; i++ {
		if _, ok := from[Shard{i, of}]; !ok {
			return nil, fmt.Errorf("shard %d/%d is missing: %w", i, of, ErrIncomplete)
		}
	}
	if err := os.MkdirAll(opt.Dir, 0o777); err != nil {
		return nil, err
	}
	unlock, err := durable.Lock(filepath.Join(opt.Dir, lockName))
	if err != nil {
		return nil, err
	}
	defer unlock()
	path := filepath.Join(opt.Dir, JournalName)
	if old, err := readJournal(path, nil); err == nil && !opt.Fresh {
		if err := j.head.others(path, old.head); err != nil {
			return nil, err
		}
	}
	if err := j.rewrite(path); err != nil {
		return nil, err
	}
	if err := p.copyFile(opt.Dir); err != nil {
		return nil, err
	}
	return &Result{Plan: p, Version: opt.Version, Rows: j.rows()}, nil
}

// ErrIncomplete is wrapped by the error of a merge that lacks cells.
var ErrIncomplete = errors.New("the study is not complete")
