package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/container-football/pitch/internal/durable"
	"github.com/container-football/pitch/study"
)

type studyMergeCmd struct {
	Shards []string `arg:"" name:"shard" help:"Folders of all shards of one study, in any order."`
	studyOutput
}

func (c *studyMergeCmd) Help() string {
	return `The result is that of one run, to the last byte. Shards of different studies or versions of pitch,
shards that are missing, not complete or there twice are refused.`
}

func (c *studyMergeCmd) Run(s *streams) error {
	p, err := loadStudy(filepath.Join(c.Shards[0], study.FileName))
	if err != nil {
		return err
	}
	dir := filepath.Join(c.Out, p.File.Name)
	r, err := study.Merge(p, c.Shards, study.Options{Dir: dir, Fresh: c.Fresh, Version: build()})
	switch {
	case errors.Is(err, study.ErrOther), errors.Is(err, study.ErrIncomplete), errors.Is(err, fs.ErrNotExist),
		errors.Is(err, durable.ErrLocked):
		return usageError{err}
	case err != nil:
		return err
	}
	fmt.Fprintf(s.out, "%s: %s, merged from %s\n", p.File.Name, p.File.Title, plural(len(c.Shards), "shard"))
	return c.write(s, r, dir)
}
