package remote

import (
	"slices"
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

func client(t *testing.T) *desk {
	return newDesk(t, NewClient(ClientConfig{Members: []node.Addr{other, stranger}, Geometry: shape}))
}

// grant answers the last of these opens. It returns what the client sends then.
func (d *desk) grant(from node.Addr, opens []sent, epoch uint64) []sent {
	d.t.Helper()
	if len(opens) == 0 || opens[len(opens)-1].kind != kindOpen {
		d.t.Fatalf("sent %v, expected an open", kinds(opens))
	}
	return d.hear(from, message{kind: kindGrant, nonce: opens[len(opens)-1].nonce,
		life: session{1, epoch, 1}, stamp: stamp{1, 1}, n: 100})
}

func (d *desk) answer(from node.Addr, req sent, code node.Code) []sent {
	d.t.Helper()
	body := []byte(nil)
	if req.op == node.OpRead && code == node.OK {
		body = make([]byte, 8*req.n)
	}
	return d.hear(from, message{kind: kindAnswer, life: req.life, seq: req.seq, code: code,
		served: req.life.epoch}, body...)
}

// places are the first sectors of requests.
func places(list []sent) (out []int64) {
	for _, s := range list {
		if s.kind == kindRequest {
			out = append(out, s.off)
		}
	}
	return out
}

func TestAChangeWaitsForTheOneThatItOverlaps(t *testing.T) {
	d := client(t)
	opens := d.ask(1, node.OpWrite, 0, 4)
	d.expect(opens, kindOpen, kindOpen)
	d.ask(2, node.OpWrite, 3, 2)
	d.ask(3, node.OpZero, 4, 1) // waits for 2, which waits for 1
	d.ask(4, node.OpRead, 3, 1)
	d.ask(5, node.OpWrite, 9, 1)
	list := d.grant(other, opens, 1)
	if got := places(list); !slices.Equal(got, []int64{0, 3, 9}) || list[1].op != node.OpRead {
		t.Fatalf("sent %v", got)
	}
	if got := places(d.answer(other, list[0], node.OK)); !slices.Equal(got, []int64{3}) {
		t.Fatalf("then %v", got)
	}
	d.answer(other, list[0], node.OK) // once more
	if len(d.answers) != 1 || d.answers[1] != node.OK {
		t.Errorf("answers %v", d.answers)
	}
}

// The role moves. What was not answered is sent again to the new primary, and nobody hears of it.
func TestAHandoverIsNotFelt(t *testing.T) {
	for _, how := range []string{"gone", "not primary", "unknown", "silence"} {
		d := client(t)
		list := d.grant(other, d.ask(1, node.OpWrite, 5, 1), 4)
		switch how {
		case "gone":
			d.hear(other, message{kind: kindGone, life: list[0].life})
		case "not primary":
			d.answer(other, list[0], node.NotPrimary)
		case "unknown":
			d.answer(other, list[0], node.Unknown)
		case "silence":
			for range 60 {
				d.tick(clientTick, 20*node.Millisecond)
			}
		}
		opens := d.tick(clientTick, 200*node.Millisecond)
		if d.expect(opens, kindOpen, kindOpen); opens[0].flags != flagResume || opens[0].prev != 4 ||
			opens[0].prevHost != other.Host || opens[0].stamp != (stamp{1, 1}) {
			t.Fatalf("%s: open %+v", how, opens[0].message)
		}
		d.hear(other, message{kind: kindElsewhere, nonce: opens[0].nonce})
		again := d.grant(stranger, opens, 5)
		if !slices.Equal(places(again), []int64{5}) || again[0].to != stranger {
			t.Fatalf("%s: sent %v", how, kinds(again))
		}
		d.answer(other, list[0], node.OK) // late, from the session before
		if len(d.answers) != 0 {
			t.Errorf("%s: answered from a session that has ended", how)
		}
		if d.answer(stranger, again[0], node.OK); d.answers[1] != node.OK {
			t.Errorf("%s: answers %v", how, d.answers)
		}
	}
}

func TestAClientThatCannotGoOnSaysSoUntilItIsClosed(t *testing.T) {
	for why, code := range map[reason]node.Code{reasonFenced: node.Refused, reasonLost: node.IOError} {
		d := client(t)
		opens := d.ask(100, replica.OpOpen, 0, 0)
		d.grant(other, opens, 4)
		list := d.ask(1, node.OpWrite, 5, 1)
		d.ask(2, node.OpRead, 6, 1)
		d.ask(3, node.OpWrite, 5, 1) // was never sent
		d.hear(other, message{kind: kindGone, life: list[0].life})
		opens = d.tick(clientTick, 20*node.Millisecond)
		refused := message{kind: kindRefused, op: why, nonce: opens[0].nonce, served: 3}
		if why == reasonLost {
			d.hear(other, refused) // of an old primary: that says nothing
			if len(d.answers) != 1 {
				t.Fatalf("an old primary was believed: %v", d.answers)
			}
		}
		refused.served = 5
		d.hear(stranger, refused, []byte("why")...)
		for tag, want := range map[node.Tag]node.Code{100: node.OK, 1: node.Unknown, 2: code, 3: code} {
			if got, ok := d.answers[tag]; !ok || got != want {
				t.Errorf("reason %d: request %d: %v, expected %v", why, tag, got, want)
			}
		}
		if d.ask(4, node.OpRead, 0, 1); d.answers[4] != code || d.texts[4] != "why" {
			t.Errorf("a request then: %v %q", d.answers[4], d.texts[4])
		}
		if d.ask(5, replica.OpOpen, 0, 0); d.answers[5] != node.Refused {
			t.Errorf("another user: %v", d.answers[5])
		}
		d.ask(6, replica.OpClose, 0, 0)
		opens = d.ask(7, replica.OpOpen, 0, 0)
		if d.expect(opens, kindOpen, kindOpen); opens[0].flags != 0 || opens[0].stamp != (stamp{}) {
			t.Errorf("a new use goes on with the old one: %+v", opens[0].message)
		}
		if d.grant(stranger, opens, 5); d.answers[7] != node.OK {
			t.Errorf("opened again: %v", d.answers[7])
		}
	}
}

func TestTheLastUserEndsTheSession(t *testing.T) {
	d := client(t)
	d.grant(other, d.ask(1, replica.OpOpen, 0, 0), 1)
	d.ask(2, replica.OpOpen, 0, 0)
	list := d.ask(3, node.OpWrite, 0, 1)
	d.expect(d.ask(4, replica.OpClose, 0, 0))
	d.expect(d.ask(5, replica.OpClose, 0, 0)) // a request is under way
	d.expect(d.answer(other, list[0], node.OK), kindClose)
	d.expect(d.tick(clientTick, 20*node.Millisecond), kindClose)
	d.expect(d.hear(other, message{kind: kindClosed, life: list[0].life}))
	d.expect(d.tick(clientTick, 20*node.Millisecond))
}

func TestUsersWhoAreRefusedHearWhy(t *testing.T) {
	d := client(t)
	opens := d.ask(1, replica.OpOpen, 0, 0)
	d.ask(2, node.OpRead, 0, 1)
	d.hear(other, message{kind: kindRefused, op: reasonInUse, nonce: opens[0].nonce}, []byte("in use")...)
	if d.answers[1] != node.Refused || d.answers[2] != node.Refused || d.texts[1] != "in use" {
		t.Errorf("answers %v %v", d.answers, d.texts)
	}
	opens = d.ask(3, replica.OpOpen, 0, replica.OpenForce)
	if d.expect(opens, kindOpen, kindOpen); opens[0].flags != flagForce {
		t.Errorf("open %+v", opens[0].message)
	}
	if d.tick(clientTick, 11*node.Second); d.answers[3] != node.TimedOut {
		t.Errorf("nobody answers: %v", d.answers[3])
	}
	if d.ask(4, replica.OpPrimary, 0, 0); d.answers[4] != node.Refused {
		t.Errorf("a verb for replicas: %v", d.answers[4])
	}
}

func TestWhatAClientHoldsIsBounded(t *testing.T) {
	d := client(t)
	for i := range node.Tag(maxQueued) {
		d.ask(i, node.OpWrite, int64(i)%100, 1)
	}
	if d.ask(maxQueued, node.OpWrite, 0, 1); d.answers[maxQueued] != node.Refused || len(d.answers) != 1 {
		t.Errorf("%d answers, the last one %v", len(d.answers), d.answers[maxQueued])
	}
	if d.ask(maxQueued+1, node.OpRead, 0, maxBody); d.answers[maxQueued+1] != node.Invalid {
		t.Errorf("a read too large for a message: %v", d.answers[maxQueued+1])
	}
	d = client(t)
	opens := d.ask(0, node.OpWrite, 0, 1)
	for i := node.Tag(1); i < 2*window; i++ {
		d.ask(i, node.OpRead, 0, 1)
	}
	if n := len(d.grant(other, opens, 1)); n > window {
		t.Errorf("%d requests on their way", n)
	}
}

func TestWhoWatchesAClientHearsOfChanges(t *testing.T) {
	d := client(t)
	opens := d.ask(2, node.OpRead, 0, 1)
	d.ask(1, replica.OpWatch, 0, 0)
	st, err := replica.DecodeStatus([]byte(d.texts[1]))
	if err != nil || st.Role != replica.RoleRemote || st.Primary != 0 {
		t.Fatalf("status %+v, %v", st, err)
	}
	d.ask(3, replica.OpWatch, 0, int64(st.Changes))
	d.grant(other, opens, 6)
	if st, err = replica.DecodeStatus([]byte(d.texts[3])); err != nil || st.Primary != other.Host || st.Epoch != 6 {
		t.Errorf("status %+v, %v", st, err)
	}
}

// A client that is made anew on a host that goes on is not taken for an old one.
func TestAClientThatIsMadeAnewIsHeard(t *testing.T) {
	s, _ := serving(t)
	for _, now := range []node.Time{node.Second, 2 * node.Second} {
		d := &desk{t: t, machine: NewClient(ClientConfig{Members: []node.Addr{here}, Geometry: shape}), now: now,
			answers: map[node.Tag]node.Code{}, texts: map[node.Tag]string{}}
		d.step(&node.Event{Kind: node.KindBoot, From: guest, N: 5})
		opens := d.ask(1, replica.OpOpen, 0, 0)
		s.granted(guest, opens[0].message)
	}
}
