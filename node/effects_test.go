package node_test

import (
	"bytes"
	"testing"

	"github.com/container-football/pitch/node"
)

// all asks for one effect of each kind.
func all(e *node.Effects, head, body []byte) {
	e.Send(node.Addr{Host: 2, Machine: 3}, node.ClassSync, head, body, 100)
	e.SetTimer(1, node.Second)
	e.CancelTimer(2)
	e.Reply(3, node.Refused, 9, body)
	e.Read(1, 4, 10, 20)
	e.Write(1, 5, 30, body)
	e.Sync(1, 6)
	e.Zero(1, 13, 40, 50)
	e.Map(1, 14, 41, 51)
	e.Resize(1, 15, 60)
	e.LogList(1, 7)
	e.LogAppend(1, 8, 70, 80, body, 50)
	e.LogRead(1, 9, 71, 81, 91)
	e.LogSync(1, 10, 72)
	e.LogTruncate(1, 11, 73, 83)
	e.LogDelete(1, 12, 74)
}

func TestEffectsSayWhatWasAskedFor(t *testing.T) {
	var e node.Effects
	head, body := []byte("he"), []byte("body!")
	all(&e, head, body)
	clear(head)
	clear(body) // content was copied
	for i, want := range []struct {
		node.Effect
		data string
	}{
		{node.Effect{Op: node.OpSend, To: node.Addr{Host: 2, Machine: 3}, Class: node.ClassSync,
			Cost: 107}, "hebody!"},
		{node.Effect{Op: node.OpTimer, Tag: 1, Cost: int64(node.Second)}, ""},
		{node.Effect{Op: node.OpCancel, Tag: 2}, ""},
		{node.Effect{Op: node.OpReply, Tag: 3, Code: node.Refused, Seg: 9}, "body!"},
		{node.Effect{Op: node.OpRead, Dev: 1, Tag: 4, Off: 10, N: 20}, ""},
		{node.Effect{Op: node.OpWrite, Dev: 1, Tag: 5, Off: 30}, "body!"},
		{node.Effect{Op: node.OpSync, Dev: 1, Tag: 6}, ""},
		{node.Effect{Op: node.OpZero, Dev: 1, Tag: 13, Off: 40, N: 50}, ""},
		{node.Effect{Op: node.OpMap, Dev: 1, Tag: 14, Off: 41, N: 51}, ""},
		{node.Effect{Op: node.OpResize, Dev: 1, Tag: 15, N: 60}, ""},
		{node.Effect{Op: node.OpLogList, Dev: 1, Tag: 7}, ""},
		{node.Effect{Op: node.OpLogAppend, Dev: 1, Tag: 8, Seg: 70, Off: 80, Cost: 55}, "body!"},
		{node.Effect{Op: node.OpLogRead, Dev: 1, Tag: 9, Seg: 71, Off: 81, N: 91}, ""},
		{node.Effect{Op: node.OpLogSync, Dev: 1, Tag: 10, Seg: 72}, ""},
		{node.Effect{Op: node.OpLogTrunc, Dev: 1, Tag: 11, Seg: 73, N: 83}, ""},
		{node.Effect{Op: node.OpLogDelete, Dev: 1, Tag: 12, Seg: 74}, ""},
	} {
		f := e.At(i)
		got := node.Effect{Op: f.Op, Dev: f.Dev, Code: f.Code, Class: f.Class, Tag: f.Tag, To: f.To,
			Seg: f.Seg, Off: f.Off, N: f.N, Cost: f.Cost}
		if got != want.Effect || string(e.Data(f)) != want.data {
			t.Errorf("effect %d: %+v with %q, expected %+v with %q", i, got, e.Data(f), want.Effect,
				want.data)
		}
	}
	if e.Len() != 16 {
		t.Errorf("%d effects", e.Len())
	}
	if e.Reset(); e.Len() != 0 {
		t.Errorf("%d effects after a reset", e.Len())
	}
}

// Lent content is not copied, and is let go of with the step.
func TestLentContentIsTheLendersOwn(t *testing.T) {
	var e node.Effects
	mine := []byte("mine")
	e.Reply(1, node.OK, 2, []byte("copy"))
	e.ReplyLent(3, node.IOError, 4, mine)
	e.WriteLent(1, 5, 6, mine[2:])
	for i, want := range []string{"copy", "mine", "ne"} {
		if got := e.Data(e.At(i)); string(got) != want {
			t.Errorf("effect %d holds %q, expected %q", i, got, want)
		}
	}
	if &e.Data(e.At(1))[0] != &mine[0] {
		t.Error("it was copied")
	}
	if f := e.At(2); f.Op != node.OpWrite || f.Dev != 1 || f.Tag != 5 || f.Off != 6 {
		t.Errorf("effect %+v", *f)
	}
	e.Reset()
	if n := testing.AllocsPerRun(100, func() {
		e.Reset()
		e.ReplyLent(1, node.OK, 2, mine)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The arena may move while it grows. What was put in before must not be lost with it.
func TestContentOutlivesTheGrowthOfTheArena(t *testing.T) {
	var e node.Effects
	for i := range 300 {
		e.Write(0, node.Tag(i), 0, bytes.Repeat([]byte{byte(i)}, i))
	}
	for i := range 300 {
		if got := e.Data(e.At(i)); !bytes.Equal(got, bytes.Repeat([]byte{byte(i)}, i)) {
			t.Fatalf("effect %d holds %x", i, got)
		}
	}
	// Whoever appends to content must not reach into the next one.
	_ = append(e.Data(e.At(5)), 99)
	if got := e.Data(e.At(6))[0]; got != 6 {
		t.Errorf("content of the next effect begins with %d", got)
	}
}

func TestEffectsDoNotAllocateOnceGrown(t *testing.T) {
	var e node.Effects
	head, body := make([]byte, 80), make([]byte, 5000)
	if n := testing.AllocsPerRun(100, func() {
		e.Reset()
		for range 10 {
			all(&e, head, body)
		}
	}); n != 0 {
		t.Errorf("%v allocations a step", n)
	}
}

// Who wraps a machine takes effects out, and puts others in, while others stay what they are.
func TestAnEffectCanBeTakenOut(t *testing.T) {
	var e node.Effects
	mine := []byte("lent")
	e.Reply(1, node.OK, 2, []byte("one"))
	e.ReplyLent(2, node.OK, 2, mine)
	e.Reply(3, node.OK, 2, []byte("three"))
	taken := e.Data(e.At(1))
	e.Remove(1)
	e.Send(node.Addr{Host: 1}, node.ClassLog, nil, taken, 0)
	for i, want := range []string{"one", "three", "lent"} {
		if got := e.Data(e.At(i)); string(got) != want {
			t.Errorf("effect %d holds %q, expected %q", i, got, want)
		}
	}
	if e.Len() != 3 || string(taken) != "lent" {
		t.Errorf("%d effects, and %q was taken", e.Len(), taken)
	}
}
