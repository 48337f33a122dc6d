// Package nbd is a server for the network block device protocol: it gives clients such as qemu,
// the Linux kernel, libnbd and fio block volumes over TCP or a Unix socket.
//
// A volume is anything that implements [Device]; an [Export] gives it a name and says how it may
// be used. A [Server] asks for the exports at every handshake, so that they come and go while it
// runs, and [Server.Withdraw] ends the connections of one that has gone:
//
//	s := &nbd.Server{Exports: func() []nbd.Export { return current() }}
//	err := s.Serve(ctx, listener) // until ctx ends
//
// The source of the format is doc/proto.md of the NetworkBlockDevice/nbd project, called "the
// document" in comments. Served are the fixed newstyle handshake with every option of the
// document, TLS, structured replies with holes, block status for base:allocation and all
// commands. Not served are the old handshake, fast zeroes and the extensions (resize, extended
// headers).
//
// # Durability
//
// A reply to a write says that the data can be read again on every connection. Only a reply to a
// flush, or to a write with the flag FUA, says that it survives a power failure. Both are a call
// of [Device.Flush], and requests of one connection that wait for one share it (group commit
// without a delay); reads and other writes go on meanwhile.
//
// # Inside
//
// One goroutine a connection reads requests, carries them out in order and writes replies; it
// writes them to the socket only when no further whole request has arrived, so that a client with
// many requests in flight costs few system calls. Up to four more goroutines, started when they
// are needed first, wait for the device to commit. Payloads go through the device in pieces of up
// to 1 MiB, so a connection's memory is bounded by two buffers and one piece, whatever its client
// asks for.
package nbd
