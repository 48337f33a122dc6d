package fleet

import "github.com/container-football/pitch/node"

// index is who depends on whom, as flat arrays: the groups of host h are
// hostGroups[hostStart[h]:hostStart[h+1]], and so on.
type index struct {
	hostStart, hostGroups    []int32
	groupStart, groupClasses []int32
	domainStart, domainHosts []int32 // domains of all levels, one after the other
	count                    []int64 // of each class: its LVs
	weight                   []int64 // of each group: LVs that need it, as often as they do
	volumes, entries         int64   // LVs; pairs of an LV and a group that it needs
	spare                    []int32 // of each group: how many more failures it survives
	lostGroups               []int32 // of each class: how many of its groups are lost
	holds                    []uint8 // of each host: how many things hold it down
	now                      node.Time
	fell                     []node.Time // of each class: when it went down last
	downFor                  []node.Time // of each class: for how long it was down, until it came back
	times                    []int64     // of each class: how often it went down
	downHosts                int64
	downVolumes, lostEntries int64
}

// newIndex is the state of a fleet that is all up.
func newIndex(c *Config) *index {
	x := &index{holds: make([]uint8, c.Hosts), spare: make([]int32, len(c.Groups)),
		weight: make([]int64, len(c.Groups)), count: make([]int64, len(c.Volumes)),
		lostGroups: make([]int32, len(c.Volumes)), fell: make([]node.Time, len(c.Volumes)),
		downFor: make([]node.Time, len(c.Volumes)), times: make([]int64, len(c.Volumes))}
	for g := range c.Groups {
		x.spare[g] = int32(c.Groups[g].Tolerate)
	}
	x.hostStart, x.hostGroups = transpose(c.Hosts, len(c.Groups),
		func(g int) []int32 { return c.Groups[g].Members })
	x.groupStart, x.groupClasses = transpose(len(c.Groups), len(c.Volumes),
		func(v int) []int32 { return c.Volumes[v].Groups })
	for v, class := range c.Volumes {
		x.count[v] = int64(class.Count)
		x.volumes += int64(class.Count)
		x.entries += int64(class.Count) * int64(len(class.Groups))
		for _, g := range class.Groups {
			x.weight[g] += int64(class.Count)
		}
	}
	x.domainStart = []int32{0}
	for i := range c.Domains {
		of := c.Domains[i].Of
		start, hosts := transpose(c.Domains[i].Count, len(of),
			func(h int) []int32 { return of[h : h+1] })
		base := int32(len(x.domainHosts))
		for _, s := range start[1:] {
			x.domainStart = append(x.domainStart, base+s)
		}
		x.domainHosts = append(x.domainHosts, hosts...)
	}
	return x
}

// transpose turns lists of rows by column into lists of columns by row, both numbered from 0.
func transpose(rows, columns int, of func(column int) []int32) (start, list []int32) {
	start = make([]int32, rows+1)
	for c := range columns {
		for _, r := range of(c) {
			start[r+1]++
		}
	}
	for r := range rows {
		start[r+1] += start[r]
	}
	list = make([]int32, start[rows])
	next := append([]int32(nil), start[:rows]...)
	for c := range columns {
		for _, r := range of(c) {
			list[next[r]] = int32(c)
			next[r]++
		}
	}
	return start, list
}

// hold is one more reason for a host to be down.
func (x *index) hold(host int32) {
	if x.holds[host]++; x.holds[host] > 1 {
		return
	}
	x.downHosts++
	for _, g := range x.hostGroups[x.hostStart[host]:x.hostStart[host+1]] {
		if x.spare[g]--; x.spare[g] == -1 {
			x.lose(g)
		}
	}
}

// release is one reason less.
func (x *index) release(host int32) {
	if x.holds[host]--; x.holds[host] > 0 {
		return
	}
	x.downHosts--
	for _, g := range x.hostGroups[x.hostStart[host]:x.hostStart[host+1]] {
		if x.spare[g]++; x.spare[g] == 0 {
			x.find(g)
		}
	}
}

func (x *index) lose(group int32) {
	x.lostEntries += x.weight[group]
	for _, v := range x.groupClasses[x.groupStart[group]:x.groupStart[group+1]] {
		if x.lostGroups[v]++; x.lostGroups[v] == 1 {
			x.downVolumes += x.count[v]
			x.fell[v] = x.now
			x.times[v]++
		}
	}
}

// find is the end of a loss.
func (x *index) find(group int32) {
	x.lostEntries -= x.weight[group]
	for _, v := range x.groupClasses[x.groupStart[group]:x.groupStart[group+1]] {
		if x.lostGroups[v]--; x.lostGroups[v] == 0 {
			x.downVolumes -= x.count[v]
			x.downFor[v] += x.now - x.fell[v]
		}
	}
}

// downUntil is for how long a class was down before a time that is not in the past.
func (x *index) downUntil(v int, end node.Time) node.Time {
	if x.lostGroups[v] > 0 {
		return x.downFor[v] + end - x.fell[v]
	}
	return x.downFor[v]
}

// members are the hosts that a domain holds down.
func (x *index) members(domain int32) []int32 {
	return x.domainHosts[x.domainStart[domain]:x.domainStart[domain+1]]
}

// set holds a host down, or releases it.
func (x *index) set(host int32, down bool) {
	if down {
		x.hold(host)
	} else {
		x.release(host)
	}
}
