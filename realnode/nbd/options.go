package nbd

import "encoding/binary"

// answer gathers the replies to one option.
type answer struct {
	option uint32
	buf    []byte
}

func (a *answer) reply(kind uint32, data []byte) {
	a.buf = binary.BigEndian.AppendUint64(a.buf, magicOptReply)
	a.buf = binary.BigEndian.AppendUint32(a.buf, a.option)
	a.buf = binary.BigEndian.AppendUint32(a.buf, kind)
	a.buf = binary.BigEndian.AppendUint32(a.buf, uint32(len(data)))
	a.buf = append(a.buf, data...)
}

// fields takes the data of an option apart. Once something is missing it stays bad.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) take(n uint32) []byte {
	if f.bad || uint64(n) > uint64(len(f.rest)) {
		f.bad = true
		return nil
	}
	b := f.rest[:n]
	f.rest = f.rest[n:]
	return b
}

func (f *fields) uint16() uint16 {
	if b := f.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (f *fields) uint32() uint32 {
	if b := f.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// text is a string behind its 32-bit length.
func (f *fields) text() string {
	b := f.take(f.uint32())
	if !validString(b) {
		f.bad = true
	}
	return string(b)
}

// list tells the names of all exports.
func (c *conn) list(a *answer, data []byte) {
	if len(data) != 0 {
		a.reply(repErrInvalid, nil)
		return
	}
	for _, e := range c.server.exports() {
		var b []byte
		b = binary.BigEndian.AppendUint32(b, uint32(len(e.Name)))
		b = append(b, e.Name...)
		a.reply(repServer, append(b, e.Description...))
	}
	a.reply(repAck, nil)
}

// info answers INFO and GO. It reports whether the client got the export; for GO that ends the
// handshake.
func (c *conn) info(a *answer, data []byte) bool {
	f := fields{rest: data}
	name := f.text()
	wanted := map[uint16]bool{}
	for n := f.uint16(); n > 0 && !f.bad; n-- {
		wanted[f.uint16()] = true
	}
	if f.bad || len(f.rest) != 0 {
		a.reply(repErrInvalid, nil)
		return false
	}
	var e Export
	var ok bool
	if a.option == optGo {
		e, ok = c.server.claim(c, name)
	} else {
		e, ok = c.server.find(name)
	}
	if !ok {
		a.reply(repErrUnknown, nil)
		return false
	}
	var b []byte
	b = binary.BigEndian.AppendUint16(b, infoExport)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Device.Size()))
	b = binary.BigEndian.AppendUint16(b, e.flags(c.structured))
	a.reply(repInfo, b)
	if wanted[infoName] {
		a.reply(repInfo, append([]byte{0, infoName}, e.Name...))
	}
	if wanted[infoDescription] && e.Description != "" {
		a.reply(repInfo, append([]byte{0, infoDescription}, e.Description...))
	}
	b = binary.BigEndian.AppendUint16(nil, infoBlockSize)
	b = binary.BigEndian.AppendUint32(b, e.minBlock())
	b = binary.BigEndian.AppendUint32(b, e.preferredBlock())
	b = binary.BigEndian.AppendUint32(b, max(c.server.maxRequest(), e.preferredBlock()))
	a.reply(repInfo, b)
	if e.minBlock() > 512 && !wanted[infoBlockSize] {
		a.reply(repErrBlockSize, nil)
		return false
	}
	a.reply(repAck, nil)
	if a.option == optGo {
		c.choose(e)
	}
	return true
}

// metaContext answers LIST_META_CONTEXT and SET_META_CONTEXT.
func (c *conn) metaContext(a *answer, data []byte) {
	set := a.option == optSetMetaContext
	if set {
		c.hasContext = false // also if this option fails
	}
	f := fields{rest: data}
	name := f.text()
	n := f.uint32()
	found := n == 0 && !set
	for ; n > 0 && !f.bad; n-- {
		query := f.text()
		found = found || query == allocationName || query == "base:" && !set
	}
	if f.bad || len(f.rest) != 0 || set && !c.structured {
		a.reply(repErrInvalid, nil)
		return
	}
	e, ok := c.server.find(name)
	if !ok {
		a.reply(repErrUnknown, nil)
		return
	}
	if found {
		var id uint32 // means nothing in a list
		if set {
			id = allocationID
			c.hasContext, c.context = true, e.Name
		}
		a.reply(repMetaContext, append(binary.BigEndian.AppendUint32(nil, id), allocationName...))
	}
	a.reply(repAck, nil)
}
