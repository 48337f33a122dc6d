package check

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// ErrNoRegister is returned by [WriteHTML] for a violation that shows no operation of the
// history, and so names no register to draw.
var ErrNoRegister = errors.New("the violation shows no operation of a client")

const (
	maxDrawn    = 200 // operations; browsers get slow beyond
	drawTimeout = 5 * time.Second
)

// WriteHTML draws the operations on the register that a violation is about, as a page that
// needs nothing else. If there are more than 200 it draws those of the violation, those
// nearest to them in time, and the writes of all that is read. That is enough: whatever holds
// for a register holds for what is left if some reads, or values with all of their reads, are
// taken out.
//
// The operations come from h, which should be the checked history; an error is ErrNoRegister
// (wrapped) or one of w.
func WriteHTML(w io.Writer, h History, v *Violation) error {
	if v == nil || len(v.Ops) == 0 {
		return fmt.Errorf("check: drawing a history: %w", ErrNoRegister)
	}
	var ops []int32
	for i := range h {
		op := &h[i]
		if op.Resource == v.Ops[0].Resource && op.Sector == v.Ops[0].Sector &&
			!(op.Kind == Read && op.Unknown) {
			ops = append(ops, int32(i))
		}
	}
	drawn := toPorcupine(h, nearest(h, ops, v))
	tidyClients(drawn)
	_, info := porcupine.CheckOperationsVerbose(registerModel, drawn, drawTimeout)
	if err := porcupine.Visualize(registerModel, info, w); err != nil {
		return fmt.Errorf("check: drawing a history: %w", err)
	}
	return nil
}

// nearest picks up to maxDrawn operations around the violation, and the writes of what those
// read. Operations of the violation come first, whatever their distance.
func nearest(h History, ops []int32, v *Violation) []int32 {
	if len(ops) <= maxDrawn {
		return ops
	}
	distance := func(i int32) int64 {
		d := int64(maxTime)
		for k := range v.Ops {
			if v.Ops[k] == h[i] {
				return -1
			}
			d = min(d, max(h[i].Call-v.Ops[k].Call, v.Ops[k].Call-h[i].Call))
		}
		return d
	}
	byDistance := slices.Clone(ops)
	slices.SortStableFunc(byDistance, func(i, j int32) int {
		return int(min(1, max(-1, distance(i)-distance(j))))
	})
	keep := make(map[int32]bool, maxDrawn)
	read := make(map[uint64]bool)
	for _, i := range byDistance[:maxDrawn] {
		keep[i] = true
		read[h[i].ID] = true
	}
	return slices.DeleteFunc(ops, func(i int32) bool {
		return !keep[i] && !(h[i].Kind == Write && read[h[i].ID])
	})
}

// tidyClients numbers the clients from 0 on, one row each, gives every operation without an
// answer a row of its own, because its client went on, and lets it end with the last one.
func tidyClients(ops []porcupine.Operation) {
	end := int64(0)
	rows := make(map[int]int)
	for i := range ops {
		end = max(end, ops[i].Call)
		if !ops[i].Input.(*Op).Unknown {
			end = max(end, ops[i].Return)
		}
	}
	for i := range ops {
		key := ops[i].ClientId
		if ops[i].Input.(*Op).Unknown {
			key, ops[i].Return = -1-i, end+1
		}
		if _, found := rows[key]; !found {
			rows[key] = len(rows)
		}
		ops[i].ClientId = rows[key]
	}
}
