package place

import "fmt"

// A Topology says which failure domains the nodes of a fleet are in. Levels are nested: racks in
// rooms in data centres, every domain holding as many as its neighbours.
type Topology struct {
	Nodes  int
	Levels []Level // from the innermost, such as racks, to the outermost
	// Across is the index of the level over which neighbouring nodes, and so the replicas of a
	// shard, are spread: node i is in domain i mod Count of that level. -1: none, neighbouring
	// nodes are in the same domains as far as these reach.
	Across int
}

// A Level is one kind of failure domain.
type Level struct {
	Name  string // rack, room, data centre
	Count int    // in all; a multiple of the Count of the level outside it
}

// Validate says what is impossible about the topology.
func (t *Topology) Validate() error {
	for l, level := range t.Levels {
		if level.Count < 1 || t.Nodes%level.Count != 0 {
			return fmt.Errorf("%d nodes cannot be divided evenly over %d domains (%s)",
				t.Nodes, level.Count, level.Name)
		}
		if l > 0 && t.Levels[l-1].Count%level.Count != 0 {
			return fmt.Errorf("%d domains (%s) cannot be divided evenly over %d (%s)",
				t.Levels[l-1].Count, t.Levels[l-1].Name, level.Count, level.Name)
		}
	}
	if t.Across < -1 || t.Across >= len(t.Levels) {
		return fmt.Errorf("there is no level %d of failure domains", t.Across)
	}
	return nil
}

// Of is the domain of a node at a level, within 0..Count-1.
func (t *Topology) Of(level, node int) int {
	count := t.Levels[level].Count
	if t.Across < 0 {
		return node / (t.Nodes / count)
	}
	across := t.Levels[t.Across].Count
	d := node % across
	if level >= t.Across { // a domain outside it, or the level itself
		return d / (across / count)
	}
	// Inside: the nodes of domain d take its inner domains in turn.
	inner := count / across
	return d*inner + node/across%inner
}
