package nbd

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"os"
	"time"
)

// handshake ends with an export chosen, or with the reason why there is none. It reads no byte
// more than it needs: what a client sends before TLS is agreed on cannot be taken for something
// that came protected.
func (c *conn) handshake() error {
	_ = c.raw.SetDeadline(time.Now().Add(or(c.server.HandshakeTimeout, 15*time.Second)))
	if c.stopping.Load() {
		return os.ErrDeadlineExceeded // as if it had been told a moment later
	}
	var hello [18]byte
	binary.BigEndian.PutUint64(hello[0:], magicServer)
	binary.BigEndian.PutUint64(hello[8:], magicOption)
	binary.BigEndian.PutUint16(hello[16:], fixedNewstyle|noZeroes)
	if _, err := c.nc.Write(hello[:]); err != nil {
		return err
	}
	var answer [4]byte
	if _, err := io.ReadFull(c.nc, answer[:]); err != nil {
		return err
	}
	flags := binary.BigEndian.Uint32(answer[:])
	if flags&^(fixedNewstyle|noZeroes) != 0 {
		return breach("client flags %#x", flags)
	}
	c.noZeroes = flags&noZeroes != 0
	for {
		chosen, err := c.option()
		if err != nil {
			return err
		}
		if chosen {
			break
		}
	}
	_ = c.raw.SetDeadline(time.Time{})
	if c.stopping.Load() {
		c.stop() // its deadline may just have been overwritten
	}
	return nil
}

// option reads one option and answers it. It reports whether an export was chosen.
func (c *conn) option() (chosen bool, err error) {
	var head [optionHeadSize]byte
	if _, err := io.ReadFull(c.nc, head[:]); err != nil {
		return false, err
	}
	if got := binary.BigEndian.Uint64(head[:]); got != magicOption {
		return false, breach("option with magic %#x", got)
	}
	a := &answer{option: binary.BigEndian.Uint32(head[8:])}
	length := binary.BigEndian.Uint32(head[12:])
	if length > maxOptionData {
		return false, breach("option %d with %d bytes", a.option, length)
	}
	data := make([]byte, length)
	if _, err := io.ReadFull(c.nc, data); err != nil {
		return false, err
	}
	if c.server.RequireTLS && !c.tls && a.option != optStartTLS && a.option != optAbort {
		if a.option == optExportName {
			return false, breach("export asked for without TLS")
		}
		a.reply(repErrTLSRequired, nil)
		_, err := c.nc.Write(a.buf)
		return false, err
	}
	return c.answer(a, data)
}

// answer carries out one option; most only add replies to a, which are sent at the end.
func (c *conn) answer(a *answer, data []byte) (chosen bool, err error) {
	switch a.option {
	case optExportName:
		return c.exportName(data)
	case optAbort:
		a.reply(repAck, nil)
		_, _ = c.nc.Write(a.buf) // many clients are gone already, and may be
		return false, errLeft
	case optStartTLS:
		return false, c.startTLS(a, data)
	case optList:
		c.list(a, data)
	case optInfo:
		c.info(a, data)
	case optGo:
		chosen = c.info(a, data)
	case optStructured:
		if len(data) != 0 {
			a.reply(repErrInvalid, nil)
			break
		}
		c.structured = true
		a.reply(repAck, nil)
	case optListMetaContext, optSetMetaContext:
		c.metaContext(a, data)
	default:
		a.reply(repErrUnsup, nil)
	}
	_, err = c.nc.Write(a.buf)
	return chosen && err == nil, err
}

// startTLS goes over to TLS. Whatever was negotiated before is forgotten, as it may have been
// put there by somebody else.
func (c *conn) startTLS(a *answer, data []byte) error {
	switch {
	case len(data) != 0 || c.tls:
		a.reply(repErrInvalid, nil)
	case c.server.TLS == nil:
		a.reply(repErrUnsup, nil)
	default:
		a.reply(repAck, nil)
		if _, err := c.nc.Write(a.buf); err != nil {
			return err
		}
		secure := tls.Server(c.raw, c.server.TLS)
		c.nc, c.tls = secure, true
		c.structured, c.hasContext = false, false
		return secure.Handshake()
	}
	_, err := c.nc.Write(a.buf)
	return err
}

// exportName is the oldest way to choose an export. It has no means to refuse one.
func (c *conn) exportName(name []byte) (bool, error) {
	if !validString(name) {
		return false, breach("export name of %d bytes", len(name))
	}
	e, ok := c.server.claim(c, string(name))
	if !ok {
		return false, breach("unknown export %q", name)
	}
	if e.minBlock() > 512 {
		return false, breach("export %q needs a client that asks for block sizes", name)
	}
	c.choose(e)
	reply := make([]byte, 0, 10+124)
	reply = binary.BigEndian.AppendUint64(reply, uint64(e.Device.Size()))
	reply = binary.BigEndian.AppendUint16(reply, e.flags(c.structured))
	if !c.noZeroes {
		reply = reply[:cap(reply)]
	}
	_, err := c.nc.Write(reply)
	return err == nil, err
}

// choose makes e the export of the connection.
func (c *conn) choose(e Export) {
	c.export = e
	c.hasContext = c.hasContext && c.context == e.Name
}
