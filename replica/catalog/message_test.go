package catalog

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/container-football/pitch/node"
)

func messages() []*message {
	e := Entry{Key: "share/3", Value: "member", Stamp: Stamp{1234567890123456789, 3}}
	dead := Entry{Key: "z", Deleted: true, Stamp: Stamp{1, 1}}
	return []*message{
		{kind: msgRanges, flags: flagShare | flagAnswer, scope: "resource/db", floor: Stamp{5, 6}, share: e,
			sums: []sum{{"", digest{1, 2}}}},
		{kind: msgRanges, scope: "resource/db", from: "a",
			sums: []sum{{"b", digest{3, 4}}, {"", digest{1, 2}}}},
		{kind: msgEntries, flags: flagComplete | flagRumor, scope: "host/7", from: "a", to: "zz",
			list: []Entry{e, dead}},
		{kind: msgVoid, scope: "cluster/" + UUID{1}.String(), floor: Stamp{9, 1}, list: []Entry{dead}},
		{kind: msgJoin, text: "address"},
		{kind: msgRefuse, text: "why"},
		{kind: msgAsk, uuids: []string{"cluster/a", "cluster/b"}},
		{kind: msgOffer, uuids: []string{"cluster/a"}, hash: []uint64{1, 1 << 63}},
		{kind: msgLink, scope: "cluster/a", text: "cluster/b"},
	}
}

func TestMessagesReadBack(t *testing.T) {
	for _, msg := range messages() {
		b := msg.encode()
		got, err := decode(b)
		if err != nil {
			t.Errorf("%+v: %v", msg, err)
			continue
		}
		if len(got.list) == 0 {
			got.list = msg.list
		}
		if !reflect.DeepEqual(got, msg) {
			t.Errorf("%+v comes back as %+v", msg, got)
		}
		for n := range b {
			if _, err := decode(b[:n]); err == nil {
				t.Errorf("%+v: its first %d of %d bytes are read", msg, n, len(b))
			}
		}
	}
}

func TestBadMessagesAreRefused(t *testing.T) {
	e := Entry{Key: "k", Stamp: Stamp{1, 1}}
	for name, msg := range map[string]*message{
		"kind":       {kind: 99},
		"flags":      {kind: msgJoin, flags: 0x80},
		"order":      {kind: msgEntries, list: []Entry{e, e}},
		"no key":     {kind: msgEntries, list: []Entry{{Stamp: Stamp{1, 1}}}},
		"long key":   {kind: msgEntries, list: []Entry{{Key: strings.Repeat("k", maxKey+1)}}},
		"long value": {kind: msgEntries, list: []Entry{{Key: "k", Value: strings.Repeat("k", maxValue+1)}}},
		"time":       {kind: msgRanges, floor: Stamp{-1, 1}},
		"ranges":     {kind: msgRanges, from: "b", sums: []sum{{to: "a"}}},
		"the end":    {kind: msgRanges, sums: []sum{{to: ""}, {to: "a"}}},
		"long":       {kind: msgOffer, hash: make([]uint64, maxMessage/8)},
	} {
		if got, err := decode(msg.encode()); err == nil {
			t.Errorf("%s: it is read as %+v", name, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, msg := range messages() {
		f.Add(msg.encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		msg, err := decode(b)
		if err != nil {
			return
		}
		if again := msg.encode(); !bytes.Equal(again, b) {
			t.Fatalf("%x is read as %+v, which is written as %x", b, msg, again)
		}
		// No message may break a machine.
		m := New(Config{})
		out := &node.Effects{}
		m.self, m.ready, m.out = node.Addr{Host: 1}, true, out
		m.now = node.Second
		m.set(m.ensure(Cluster(UUID{1})), m.tick(), shareKey(1), "", false)
		m.set(m.ensure(Cluster(UUID{1})), m.tick(), shareKey(2), "", false)
		m.set(m.ensure(Resource("db")), m.tick(), shareKey(1), roleMember, false)
		m.derive()
		m.handle(&node.Event{Kind: node.KindMessage, From: node.Addr{Host: 2}, Data: b})
		m.finish()
		for _, sc := range m.scopes {
			if digestOf(sc.list) != sc.digest || !slices.IsSortedFunc(sc.list, func(a, b Entry) int {
				return strings.Compare(a.Key, b.Key)
			}) {
				t.Fatalf("%s: the digest is not that of its entries", sc.name)
			}
		}
	})
}

// Whatever is on the disk, reading it does not break a machine, and writing what was read and reading
// it again gives the same.
func FuzzReplay(f *testing.F) {
	m := New(Config{})
	m.out, m.self = &node.Effects{}, node.Addr{Host: 1}
	m.set(m.ensure(Resource("db")), m.tick(), shareKey(1), roleMember, false)
	m.snapshot()
	f.Add(m.disk.frame)
	f.Add(append(bytes.Clone(m.disk.frame), make([]byte, 100)...))
	f.Add(make([]byte, 16))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := New(Config{})
		m.out = &node.Effects{}
		if !m.replay(b) {
			return
		}
		m.snapshot()
		again := New(Config{})
		if !again.replay(m.disk.frame) || len(again.scopes) > len(m.scopes) {
			t.Fatalf("%x is written as %x", b, m.disk.frame)
		}
		for _, sc := range again.scopes {
			if other := m.scope(sc.name); other == nil || other.digest != sc.digest || other.floor != sc.floor {
				t.Fatalf("scope %s comes back as another one", sc.name)
			}
		}
	})
}
