package check

import (
	"fmt"
	"time"

	"github.com/anishathalye/porcupine"
)

const namePorcupine = "linearizable (porcupine)"

// LinearizablePorcupine is [Linearizable] without options, done by the general checker
// porcupine, one register after the other. It exists to be compared with: it shares no
// reasoning with Linearizable, and its cost grows exponentially with the number of operations
// that run at once. If it has not finished after timeout (0: no limit) the verdict is
// Unknown. A violation names the register but no operations; [WriteHTML] draws them.
func LinearizablePorcupine(h History, timeout time.Duration) Result {
	start := time.Now()
	for _, ops := range byRegister(h) {
		left := time.Duration(0)
		if timeout > 0 {
			if left = timeout - time.Since(start); left <= 0 {
				return undecided(namePorcupine, "no answer within %v", timeout)
			}
		}
		switch porcupine.CheckOperationsTimeout(registerModel, toPorcupine(h, ops), left) {
		case porcupine.Illegal:
			return violated(namePorcupine, Violation{
				Summary: h[ops[0]].place() + ": its operations have no order that explains them",
			})
		case porcupine.Unknown:
			return undecided(namePorcupine, "no answer within %v", timeout)
		}
	}
	return ok(namePorcupine)
}

// byRegister returns the indexes of the operations of each register, except for the reads
// without an answer; registers come in the order of their first operation.
func byRegister(h History) [][]int32 {
	var regs registers
	var groups [][]int32
	for i := range h {
		if h[i].Kind == Read && h[i].Unknown {
			continue
		}
		r := int(regs.find(h[i].Resource, h[i].Sector))
		if r == len(groups) {
			groups = append(groups, nil)
		}
		groups[r] = append(groups[r], int32(i))
	}
	return groups
}

// toPorcupine presents operations of one register. The input of each is its *Op, the output
// nothing: the id that a read returned is already in the Op.
func toPorcupine(h History, ops []int32) []porcupine.Operation {
	out := make([]porcupine.Operation, len(ops))
	for i, n := range ops {
		op := &h[n]
		out[i] = porcupine.Operation{
			ClientId: op.Client, Input: op, Call: op.Call, Return: op.Return,
		}
		if op.Unknown {
			out[i].Return = maxTime
		}
	}
	return out
}

// registerModel is one sector; its state is the id that it holds.
var registerModel = porcupine.Model{
	Init: func() any { return uint64(0) },
	Step: func(state, input, _ any) (bool, any) {
		op := input.(*Op)
		if op.Kind == Write {
			return true, op.ID
		}
		return op.ID == state.(uint64), state
	},
	DescribeOperation: func(input, _ any) string {
		op := input.(*Op)
		if op.Unknown {
			return fmt.Sprintf("write #%d ?", op.ID)
		}
		return fmt.Sprintf("%s #%d", op.Kind, op.ID)
	},
	DescribeState: func(state any) string { return fmt.Sprintf("#%d", state) },
}
