package study

import (
	"context"

	"github.com/container-football/pitch/model"
)

// best is the modeler as an engine.
type best struct{ simulate bool }

func (b best) Check(measure string, p model.Params) error {
	return model.Validate(measure, p, model.Options{Simulate: b.simulate})
}

func (b best) Ask(ctx context.Context, measure string, p model.Params, opt model.Options) (
	model.Answer, error) {
	opt.Simulate = b.simulate
	return model.Ask(ctx, measure, p, opt)
}
