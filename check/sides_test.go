package check

import "testing"

// The old primary is the one that goes on in the end: A served epoch 1 all the time, B opened
// epoch 2 after the first write, and was given up.
func givenUp() (History, Failover) {
	write := func(client int, id uint64, host string, epoch uint64, at int64) Op {
		return Op{Client: client, Kind: Write, ID: id, Call: at, Return: at + 1, Host: host, Epoch: epoch}
	}
	read := func(client int, id uint64, host string, epoch uint64, at int64) Op {
		op := write(client, id, host, epoch, at)
		op.Kind = Read
		return op
	}
	h := History{write(1, 1, "A", 1, 0), write(1, 2, "A", 1, 10), write(2, 3, "B", 2, 20),
		read(1, 2, "A", 1, 30), read(2, 3, "B", 2, 40), read(1, 2, "A", 3, 50)}
	f := Failover{OldLog: []Record{{Seq: 1, N: 1, ID: 1}, {Seq: 2, N: 1, ID: 3}},
		NewLog: []Record{{Seq: 1, N: 1, ID: 1}, {Seq: 2, N: 1, ID: 2}}, OldEpoch: 2,
		Deposed: func(op *Op) bool { return op.Host == "B" },
		OnlyNew: func(op *Op) bool { return op.Epoch == 1 && op.ID == 2 }}
	return h, f
}

func TestBranchThatWasGivenUpDoesNotSeeTheOneThatWentOn(t *testing.T) {
	h, f := givenUp()
	if r := LinearizableAcross(h, f, LinOptions{}); r.Verdict != OK {
		t.Errorf("%+v", r)
	}
	f.OnlyNew = nil
	if r := LinearizableAcross(h, f, LinOptions{}); r.Verdict != Violated {
		t.Errorf("one register with two contents at a time: %+v", r)
	}
	h, f = givenUp()
	h[5].ID = 3
	if r := LinearizableAcross(h, f, LinOptions{}); r.Verdict != Violated {
		t.Errorf("the side that went on read what was given up: %+v", r)
	}
}
