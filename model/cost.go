package model

import "math"

// hardware is what a system of a given usable capacity is built of.
type hardware struct {
	storage, compute, hosts float64 // hosts counts one that does both once
	disks, ports, paths     float64
	diskTB                  float64
}

func costMeasures() []*Measure {
	return []*Measure{
		cost("cost.servers", "servers, for storage and for applications", "servers",
			"storage = ⌈disks/disks_per_server⌉, in whole shards; local shards: max(storage, compute), else their sum",
			func(h hardware) float64 { return h.hosts }),
		cost("cost.disks", "disks", "disks", "⌈usable_tb·overhead·raid/(fill·disk_tb)⌉, overhead k or (D+P)/D",
			func(h hardware) float64 { return h.disks }),
		cost("cost.ports", "ports of the switches that carry storage traffic", "ports",
			"shards: hosts; BigCluster: hosts·(1+2(t-1)/nof), t tiers of a folded Clos network: hosts ≤ 2(switch_ports/2)^t",
			func(h hardware) float64 { return h.ports }),
		cost("cost.paths", "pairs of hosts that must reach each other for I/O to go on", "pairs",
			"shards: storage·(k-1)/2, remote ones besides storage·(k+1); BigCluster: storage·compute+storage·(storage-1)/2",
			func(h hardware) float64 { return h.paths }),
		euros(),
	}
}

var costParams = []string{"placement", "usable_tb", "disk_tb", "disks_per_server", "compute"}
var costOptions = []string{"k", "D", "P", "raid", "fill", "switch_ports", "nof"}

func cost(name, summary, unit, formula string, pick func(hardware) float64) *Measure {
	return &Measure{Name: name, Summary: summary, Unit: unit, Formula: formula, Source: "counted; networks after Clos 1953",
		Params: costParams, Options: costOptions,
		prepare: func(a *args) []solver {
			h := readHardware(a)
			return one(ClosedForm, func() float64 { return pick(h) })
		}}
}

func euros() *Measure {
	m := cost("cost.euros", "price of servers, disks and ports", "euros",
		"price_server·servers + price_tb·disk_tb·disks + price_port·ports", nil)
	m.Params = append(m.Params[:len(m.Params):len(m.Params)], "price_server", "price_tb", "price_port")
	m.prepare = func(a *args) []solver {
		h := readHardware(a)
		server := a.number("price_server", 0, 1e12)
		disk := a.number("price_tb", 0, 1e12) * h.diskTB
		port := a.number("price_port", 0, 1e12)
		return one(ClosedForm, func() float64 {
			return float64(server*h.hosts) + float64(disk*h.disks) + float64(port*h.ports)
		})
	}
	return m
}

// readHardware counts what is needed. Client networks are left out: they are the same for all.
func readHardware(a *args) hardware {
	if !a.has("placement") {
		a.fail("placement", "must be one of shards, remote-shards, bigcluster, rs-bigcluster")
		return hardware{}
	}
	kind := a.choice("placement", "shards", "remote-shards", "bigcluster", "rs-bigcluster")
	var overhead float64
	if kind == "rs-bigcluster" {
		d := a.whole("D", 1, 1000)
		overhead = float64(d+a.whole("P", 0, 1000)) / float64(d)
	} else {
		overhead = float64(a.whole("k", 1, mostReplicas))
	}
	h := hardware{diskTB: a.number("disk_tb", 1e-3, 1e6), compute: float64(a.whole("compute", 0, mostUnits))}
	usable := a.number("usable_tb", 1e-3, 1e12)
	raid := a.numberOr("raid", 1, 1, 10)
	fill := a.numberOr("fill", 1, 0.01, 1)
	per := float64(a.whole("disks_per_server", 1, 10_000))
	radix := float64(a.wholeOr("switch_ports", 48, 4, 10_000))
	nof := a.numberOr("nof", 1, 0.1, 10_000)
	if a.err != nil {
		return h
	}
	h.disks = math.Ceil(usable * overhead * raid / (fill * h.diskTB))
	h.storage = math.Ceil(h.disks / per)
	switch kind {
	case "shards", "remote-shards":
		h.storage = math.Ceil(h.storage/overhead) * overhead
		h.disks = max(h.disks, h.storage)
		h.paths = h.storage * (overhead - 1) / 2
		h.hosts = max(h.storage, h.compute)
		if kind == "remote-shards" {
			h.hosts = h.storage + h.compute
			h.paths += h.storage * (overhead + 1)
		}
		// The hosts of a shard share a switch, whatever the number of shards.
		h.ports = h.hosts
		if kind == "shards" {
			h.ports = h.storage
		}
	default:
		h.hosts = h.storage + h.compute
		h.paths = h.storage*h.compute + h.storage*(h.storage-1)/2
		h.ports = h.hosts * (1 + 2*(clos(h.hosts, radix)-1)/nof)
	}
	return h
}

// clos is how many tiers of switches a folded Clos network needs, so that each of so many hosts
// reaches each other: t tiers of switches with radix ports hold 2·(radix/2)^t hosts.
func clos(hosts, radix float64) float64 {
	t := 1.0
	for reach := radix; reach < hosts; reach *= radix / 2 {
		t++
	}
	return t
}
