package replica_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

func full() replica.Status {
	return replica.Status{Role: replica.RoleClosed, Primary: 3, Epoch: 1 << 60, SplitBrain: true,
		UpToDate: true, FetchOn: true, ReplayOn: true, End: 9, Durable: 8, Applied: 7, Synced: 6,
		Committed: 5, EndSeq: 4, DurableSeq: 3, AppliedSeq: 2, CommittedSeq: 1,
		Lost: replica.Loss{Ops: 11, Bytes: 12, Age: 13}, Changes: 14, Sectors: 15, Open: 16,
		Members: []node.Addr{{Host: 1}, {Host: 1 << 31, Machine: 7}}, Ack: "quorum",
		Defect: "the log is gone"}
}

func TestStatusComesThroughUnchanged(t *testing.T) {
	flags := full()
	for _, s := range []replica.Status{{}, full(),
		{Members: []node.Addr{{}}}, {Defect: "x"}, {Ack: "remote"}, {SyncWaits: true}, {SyncTurn: true},
		{LogLimit: 1 << 40}, {Copied: 1 << 41}, {Changes: 1 << 63}, {Open: 1}, {Sectors: 1},
		{SplitBrain: true}, {Leased: true}, {Fenced: true}, {Emergency: true}, {UpToDate: true}, {FetchOn: true}, {ReplayOn: true},
		{Role: replica.RoleDefective, End: 1<<63 - 1, Lost: replica.Loss{Age: node.Second}}} {
		got, err := replica.DecodeStatus(s.Encode())
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("%+v comes back as %+v, %v", s, got, err)
		}
	}
	for n := range flags.Encode() {
		if _, err := replica.DecodeStatus(flags.Encode()[:n]); err == nil {
			t.Errorf("%d bytes are a status", n)
		}
	}
	if _, err := replica.DecodeStatus(append(flags.Encode(), 0)); err == nil {
		t.Error("a byte too many is not noticed")
	}
}

func TestVerbsHaveDistinctNamesAndNumbers(t *testing.T) {
	names, ops := make(map[string]bool), make(map[node.Op]bool)
	for _, v := range replica.Verbs {
		if names[v.Name] || ops[v.Op] || v.Op < node.OpVerb {
			t.Errorf("verb %q, number %d", v.Name, v.Op)
		}
		names[v.Name], ops[v.Op] = true, true
	}
	for op := node.Op(replica.OpStatus); op <= replica.OpPauseReplay; op++ {
		if !ops[op] {
			t.Errorf("verb %d has no name", op)
		}
	}
}

func TestEveryRoleHasAName(t *testing.T) {
	seen := make(map[string]bool)
	for r := replica.RoleBooting; r <= replica.RoleLeft; r++ {
		if name := r.String(); seen[name] || strings.Contains(name, "(") {
			t.Errorf("role %d is called %q", r, name)
		}
		seen[r.String()] = true
	}
	if got := replica.Role(99).String(); got != "Role(99)" {
		t.Errorf("role 99 is called %q", got)
	}
}

func TestAddressReadsBack(t *testing.T) {
	for _, a := range []node.Addr{{}, {Host: 3, Machine: 4}, {Host: 1<<32 - 1, Machine: 1<<32 - 1}} {
		if got, err := replica.DecodeAddr(replica.AppendAddr(nil, a)); err != nil || got != a {
			t.Errorf("%v comes back as %v, %v", a, got, err)
		}
	}
	for _, n := range []int{0, 7, 9, 16} {
		if _, err := replica.DecodeAddr(make([]byte, n)); err == nil {
			t.Errorf("%d bytes are an address", n)
		}
	}
}

func TestVerbsOfProgramsHaveNoName(t *testing.T) {
	for _, name := range []string{"watch", "open", "close", "add-member", "remove-member"} {
		if _, ok := replica.Verb(name); ok {
			t.Errorf("a person can type %q", name)
		}
	}
	if op, ok := replica.Verb("resize"); !ok || op != replica.OpResize {
		t.Errorf("resize is verb %d, %v", op, ok)
	}
}

func FuzzDecodeStatus(f *testing.F) {
	s := full()
	f.Add(s.Encode())
	f.Add((&replica.Status{}).Encode())
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := replica.DecodeStatus(b)
		if err != nil {
			return
		}
		again := s.Encode()
		want := bytes.Clone(b)
		want[3] &= 31 // flags that mean something
		if !bytes.Equal(again, want) {
			t.Fatalf("%x decodes to %+v, which encodes to %x", b, s, again)
		}
		_ = s.Role.String()
	})
}
