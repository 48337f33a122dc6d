package main

import "github.com/container-football/pitch/scenario"

type schemaCmd struct{}

func (schemaCmd) Run(s *streams) error {
	b, err := scenario.Schema()
	if err == nil {
		_, err = s.out.Write(b)
	}
	return err
}
