package main

import (
	"github.com/container-football/pitch/realnode/daemon"
	"github.com/container-football/pitch/scenario"
	"github.com/container-football/pitch/study"
)

type schemaCmd struct {
	Of string `arg:"" optional:"" default:"scenario" enum:"scenario,study,node" help:"Of which files: scenario, study or node."`
}

// schemas make the JSON Schema of each format.
var schemas = map[string]func() ([]byte, error){"scenario": scenario.Schema, "study": study.Schema,
	"node": daemon.ConfigSchema}

func (c schemaCmd) Run(s *streams) error {
	b, err := schemas[c.Of]()
	if err == nil {
		_, err = s.out.Write(b)
	}
	return err
}
