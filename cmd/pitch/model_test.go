package main

import (
	"reflect"
	"slices"
	"testing"

	"github.com/container-football/pitch/model"
)

func TestEachParameterOfTheModelHasAFlag(t *testing.T) {
	var flags []string
	for f := range fields(reflect.TypeFor[modelParams]()) {
		flags = append(flags, f.Tag.Get("param"))
	}
	slices.Sort(flags)
	if names := model.ParamNames(); !slices.Equal(flags, names) {
		t.Errorf("flags %v\nparameters %v", flags, names)
	}
}

func fields(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}
