package main

import (
	"github.com/container-football/pitch/scenario"
	"github.com/container-football/pitch/study"
)

type schemaCmd struct {
	Of string `arg:"" optional:"" default:"scenario" enum:"scenario,study" help:"Of which files: scenario or study."`
}

func (c schemaCmd) Run(s *streams) error {
	schema := scenario.Schema
	if c.Of == "study" {
		schema = study.Schema
	}
	b, err := schema()
	if err == nil {
		_, err = s.out.Write(b)
	}
	return err
}
