package catalog_test

import (
	"fmt"
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica/catalog"
	"github.com/container-football/pitch/sim"
)

// groups makes a cluster whose hosts share a resource in threes; of 10, 100 or 1,000 hosts the last
// one shares nothing.
func groups(t testing.TB, hosts int) *rig {
	r := newRig(t, setup{hosts: hosts, seed: 1, plain: true})
	r.cluster(1, 1, node.ID(hosts))
	var tags []node.Tag
	for id := node.ID(1); int(id)+2 <= hosts; id += 3 {
		tags = append(tags, r.submit(id, catalog.OpMember, int64(id), catalog.Request{Scope: resourceOf(id)}))
	}
	r.run(node.Second)
	for id := node.ID(1); int(id)+2 <= hosts; id += 3 {
		for k := range node.ID(2) {
			tags = append(tags, r.submit(id, catalog.OpMember, int64(id+k+1),
				catalog.Request{Scope: resourceOf(id)}))
		}
	}
	r.run(60 * node.Second)
	for _, tag := range tags {
		if o := r.answers[tag]; o.Code != node.OK {
			t.Fatalf("%v %s", o.Code, o.Data)
		}
	}
	clear(r.answers)
	return r
}

// resourceOf is the resource of a host's group.
func resourceOf(id node.ID) string { return catalog.Resource(fmt.Sprintf("db%03d", (id-1)/3)) }

// traffic is what a host that shares a resource receives in a second of virtual time, while each
// host says that it is alive, and where its replay stands, every five seconds.
func traffic(r *rig, span int) (messages, bytes float64) {
	clear(r.messages)
	clear(r.bytes)
	for i := range span / 5 {
		for id := node.ID(1); int(id) < r.n; id++ {
			value := fmt.Sprintf("%08d", i)
			r.submit(id, catalog.OpSet, 0, catalog.Request{Scope: catalog.Host(id), Key: "alive", Value: value})
			r.submit(id, catalog.OpSet, 0, catalog.Request{Scope: resourceOf(id),
				Key: fmt.Sprintf("replay-%04d", id), Value: value})
		}
		r.run(5 * node.Second)
	}
	for id := 1; id < r.n; id++ {
		messages += float64(r.messages[id])
		bytes += float64(r.bytes[id])
	}
	return messages / float64(r.n-1) / float64(span), bytes / float64(r.n-1) / float64(span)
}

// convergence is how long it takes until all hosts know of a change in the cluster, and until all
// who share a resource know of a change there.
func convergence(r *rig) (cluster, group node.Time) {
	joined := r.Now()
	r.submit(2, catalog.OpMember, 2, catalog.Request{Scope: catalog.Resource("new")})
	for begin := r.Now(); ; {
		r.run(5 * node.Millisecond)
		all := true
		for id := node.ID(1); int(id) <= r.n && all; id++ {
			_, names := r.Machine(id, 0).(*catalog.Machine).Near(2)
			all = len(names) == 2
		}
		if all {
			cluster = r.Now() - joined
			break
		}
		if r.Now() > begin+600*node.Second {
			r.t.Fatal("a change does not reach all hosts")
		}
	}
	r.submit(2, catalog.OpSet, 0, catalog.Request{Scope: resourceOf(2), Key: "primary", Value: "two"})
	for begin := r.Now(); ; {
		r.run(100 * node.Microsecond)
		if r.Machine(1, 0).(*catalog.Machine).Value(resourceOf(2), "primary") == "two" &&
			r.Machine(3, 0).(*catalog.Machine).Value(resourceOf(2), "primary") == "two" {
			return cluster, r.Now() - begin
		}
	}
}

// The cost of a host follows what it shares, not how many hosts there are.
func TestTrafficDoesNotGrowWithTheCluster(t *testing.T) {
	sizes := []int{10, 100, 1000}
	if testing.Short() {
		sizes = sizes[:2]
	}
	var messages, bytes []float64
	for _, n := range sizes {
		m, b := traffic(groups(t, n), 50)
		t.Logf("%d hosts: %.3f messages and %.1f bytes a host and second", n, m, b)
		messages, bytes = append(messages, m), append(bytes, b)
	}
	for i, n := range sizes { // numbers of hosts have more digits where there are more
		a, b := messages[i]/messages[0], bytes[i]/bytes[0]
		if a < 0.95 || a > 1.05 || b < 0.93 || b > 1.07 {
			t.Errorf("%d hosts: %.3f times the messages, %.3f times the bytes", n, a, b)
		}
	}
}

// A change reaches all hosts, also where a third of the messages is lost.
func TestAChangeReachesAllInSpiteOfLosses(t *testing.T) {
	r := newRig(t, setup{hosts: 40, seed: 2})
	r.cluster(1, 1, 40)
	r.resource("db", 1, 2, 3)
	r.resource("new", 2)
	r.run(20 * node.Second)
	r.links(faults.Link{Loss: 0.3, Duplicate: 0.1, Reorder: 0.2})
	r.must(5, catalog.OpLeaveCluster, 40, catalog.Request{})
	took := r.until(60*node.Second, "host 40 is out", func() bool {
		for id := node.ID(1); id < 40; id++ {
			if len(r.report(id).Hosts) != 39 {
				return false
			}
		}
		return true
	})
	t.Logf("40 hosts, a third of the messages lost: %v", took)

	r.split(1, 2, 30, 31)
	r.must(5, catalog.OpLeaveCluster, 39, catalog.Request{})
	r.must(2, catalog.OpLeaveCluster, 38, catalog.Request{})
	r.run(60 * node.Second)
	r.links(faults.Link{})
	took = r.until(60*node.Second, "hosts 38 and 39 are out", func() bool {
		for id := node.ID(1); id < 38; id++ {
			if len(r.report(id).Hosts) != 37 {
				return false
			}
		}
		return true
	})
	t.Logf("after a partition in which both sides have changed something: %v", took)
}

// poll is the original's way: each host asks each other one, every five seconds.
type poll struct{ hosts int }

func (p *poll) Step(_ node.Time, ev *node.Event, out *node.Effects) {
	const size = 60 // as small as a digest
	switch ev.Kind {
	case node.KindBoot, node.KindTimer:
		out.SetTimer(1, 5*node.Second)
		for id := 1; id <= p.hosts && ev.Kind == node.KindTimer; id++ {
			out.Send(node.Addr{Host: node.ID(id)}, node.ClassControl, make([]byte, size), nil, 0)
		}
	case node.KindMessage:
		if ev.Data[0] == 0 {
			out.Send(ev.From, node.ClassControl, append([]byte{1}, make([]byte, size-1)...), nil, 0)
		}
	}
}

func BenchmarkHosts(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				r := groups(b, n)
				messages, bytes := traffic(r, 100)
				cluster, group := convergence(r)
				b.ReportMetric(messages, "messages/host/s")
				b.ReportMetric(bytes, "B/host/s")
				b.ReportMetric(float64(cluster)/float64(node.Millisecond), "ms-cluster")
				b.ReportMetric(float64(group)/float64(node.Millisecond), "ms-group")
			}
		})
	}
}

func BenchmarkPollingAll(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				var messages, bytes int64
				s, err := sim.New(sim.Config{Hosts: n, Seed: 1,
					Specs: func(node.ID) []node.Spec {
						return []node.Spec{{New: func() node.Machine { return &poll{n} }}}
					},
					Trace: func(_ node.Time, to node.Addr, ev *node.Event) {
						if ev.Kind == node.KindMessage && ev.From.Host != to.Host {
							messages++
							bytes += int64(len(ev.Data))
						}
					}})
				if err == nil {
					err = s.StartAll()
				}
				if err != nil {
					b.Fatal(err)
				}
				const span = 10
				for ok := true; ok; _, ok = s.Next(node.Second) { // hosts come up
				}
				for ok := true; ok; _, ok = s.Next((1 + span) * node.Second) {
				}
				b.ReportMetric(float64(messages)/float64(n)/span, "messages/host/s")
				b.ReportMetric(float64(bytes)/float64(n)/span, "B/host/s")
			}
		})
	}
}
