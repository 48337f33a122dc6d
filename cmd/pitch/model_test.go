package main

import (
	"context"
	"errors"
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

// Some arithmetic takes long and asks no context: Ctrl-C must end the program all the same.
func TestAnInterruptDoesNotWaitForTheAnswer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	began, never := make(chan bool), make(chan bool)
	go func() {
		<-began
		cancel()
	}()
	x, err := await(ctx, func() (int, error) {
		close(began)
		<-never
		return 1, nil
	})
	if x != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d, %v", x, err)
	}
	if x, err := await(t.Context(), func() (int, error) { return 7, nil }); x != 7 || err != nil {
		t.Errorf("%d, %v", x, err)
	}
}
