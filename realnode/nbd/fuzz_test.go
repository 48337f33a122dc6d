package nbd

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"
)

// converse lets a server read input as everything that a client says, and fails unless it ends
// by itself once the input has ended.
func converse(t *testing.T, s *Server, input []byte) {
	here, there := net.Pipe()
	c := s.newConn(there)
	go func() {
		_, _ = here.Write(input)
		_ = here.SetDeadline(time.Now().Add(time.Second))
		time.Sleep(time.Millisecond)
		_ = here.Close()
	}()
	go func() { _, _ = io.Copy(io.Discard, here) }()
	ended := make(chan struct{})
	go func() { c.serve(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatalf("connection does not end")
	}
	if err := s.Withdraw(context.Background(), "a"); err != nil {
		t.Fatal(err)
	}
}

func fuzzServer() *Server {
	return &Server{BufferSize: 4096, MaxRequest: 1 << 20, Exports: fixed(
		Export{Name: "a", Device: newMemory(64 << 10)},
		Export{Name: "b", Device: newMemory(64 << 10), MinBlock: 4096, ReadOnly: true})}
}

func FuzzOptions(f *testing.F) {
	f.Add(option(optGo, infoData("a", 1, 2, 3)))
	f.Add(append(option(optStructured, nil), option(optSetMetaContext, metaData("a", "base:"))...))
	f.Add(append(option(optList, nil), option(optAbort, nil)...))
	f.Add(option(optExportName, []byte("b")))
	f.Add(option(optStartTLS, nil))
	f.Add(option(optListMetaContext, metaData("a", "base:", "base:allocation", "x")))
	f.Fuzz(func(t *testing.T, input []byte) {
		converse(t, fuzzServer(), append([]byte{0, 0, 0, 3}, input...))
	})
}

func FuzzRequests(f *testing.F) {
	f.Add(true, command(0, cmdRead, 1, 0, 4096, nil))
	f.Add(true, command(cmdFUA, cmdWrite, 2, 0, 8, []byte("12345678")))
	f.Add(false, command(cmdNoHole, cmdWriteZeroes, 3, 5, 9000, nil))
	f.Add(true, append(command(cmdReqOne, cmdBlockStatus, 4, 0, 65536, nil),
		command(0, cmdFlush, 5, 0, 0, nil)...))
	f.Add(false, command(0, cmdTrim, 6, 1<<63, 1<<31, nil))
	f.Fuzz(func(t *testing.T, structured bool, input []byte) {
		all := []byte{0, 0, 0, 3}
		if structured {
			all = append(all, option(optStructured, nil)...)
			all = append(all, option(optSetMetaContext, metaData("a", allocationName))...)
		}
		all = append(all, option(optGo, infoData("a"))...)
		// The magic is put right, so that the fuzzer gets past it more often.
		if len(input) >= 4 {
			input = append(binary.BigEndian.AppendUint32(nil, magicRequest), input[4:]...)
		}
		converse(t, fuzzServer(), append(all, input...))
	})
}
