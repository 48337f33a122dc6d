package engine

import "github.com/container-football/pitch/node"

// users remembers who asked what. It belongs to the event loop. Machines see tags of our own, as
// those of different users may be the same.
type users struct {
	slots   []asked
	free    []uint32
	touched []Replier // have got answers since the last flush
}

type asked struct {
	to   Replier // nil: the slot is free
	tag  node.Tag
	life uint32 // of the slot: an answer that comes twice finds another one
}

// add notes a request and returns the tag under which the machine sees it.
func (u *users) add(to Replier, tag node.Tag) node.Tag {
	var i uint32
	if n := len(u.free); n > 0 {
		i = u.free[n-1]
		u.free = u.free[:n-1]
	} else {
		i = uint32(len(u.slots))
		u.slots = append(u.slots, asked{})
	}
	s := &u.slots[i]
	s.to, s.tag = to, tag
	s.life++
	return node.Tag(s.life)<<32 | node.Tag(i)
}

// reply hands an answer to whom it belongs.
func (u *users) reply(tag node.Tag, code node.Code, epoch uint64, data []byte) {
	i := uint32(tag)
	if int64(i) >= int64(len(u.slots)) {
		return
	}
	s := &u.slots[i]
	if s.to == nil || s.life != uint32(tag>>32) {
		return
	}
	s.to.Reply(s.tag, code, epoch, data)
	u.touch(s.to)
	s.to = nil
	u.free = append(u.free, i)
}

func (u *users) touch(to Replier) {
	for i := len(u.touched) - 1; i >= 0; i-- { // mostly the last one
		if u.touched[i] == to {
			return
		}
	}
	u.touched = append(u.touched, to)
}

// flush tells all who have got answers that these are all for now.
func (u *users) flush() {
	for i, to := range u.touched {
		to.Flush()
		u.touched[i] = nil
	}
	u.touched = u.touched[:0]
}

// dropAll answers what has no answer. The loop must have ended.
func (u *users) dropAll() {
	for i := range u.slots {
		if s := &u.slots[i]; s.to != nil {
			s.to.Reply(s.tag, node.Unknown, 0, nil)
			u.touch(s.to)
			s.to = nil
		}
	}
	u.flush()
}
