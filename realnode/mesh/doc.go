// Package mesh connects the hosts of a cluster: messages between their machines, and streams
// between their daemons, over TCP with mutual TLS 1.3.
//
//	m, err := mesh.Listen(mesh.Config{Self: self, Listen: ":7789", TLS: identity, Deliver: deliver})
//	err = m.SetPeers(peers) // at any time again, without harm to those that stay the same
//	err = m.Start(ctx)
//	m.Send(from, to, node.ClassLog, body)
//	conn, err := m.Dial(ctx, peer) // and on the other side: m.Streams().Accept()
//
// A message is sent without waiting and may be lost without telling: when its queue is full, when
// its host cannot be reached, or when a connection breaks. What arrives is whole, comes once, and
// keeps its order within one class and host. What waits is lost when its host gets a new address
// or begins a new life, as it was meant for the former one; so is all that is sent to a host that
// refuses, or does not know us yet, until it lets us in.
//
// # Connections
//
// Each host dials each other one twice, for the messages that go there: the control lane carries
// node.ClassControl, the bulk lane the other classes, so that control never waits behind bulk.
// Within the bulk lane the first class goes first, frame by frame; a lower class that waits gets
// one byte for each sixteen that higher ones send, or it might starve. The kernel is given no more
// than 256 KiB that it cannot send yet. With a limit of bandwidth, control waits only for what
// control has sent, and bulk gets the rest.
//
// A connection is pinged, and given up when there is no sign of life; then it is dialed again,
// after 10 ms at first and 1 s at last. The peer of a connection is who its certificate says: see
// package ca. Certificates are looked at again each minute, and connections are made anew each
// day. In plain TCP, which stays on one machine, hosts only claim who they are.
//
// # Wire format
//
// All numbers are little endian. Within TLS (ALPN pitch-mesh), the server speaks first. The
// handshake is three records, which stay readable in all versions because they only grow at the
// end (hello.go):
//
//	record  = magic "pMsH" u32, kind u8, length u16, body, CRC-32C u32
//	party   = versions u16 u16, cluster, name, id u32, incarnation u64, nonce u64, features u32
//	welcome = party                      server: who is here, and what it can read
//	hello   = party, version u16, id and name that are wanted, purpose u8, ping interval u32 (ms)
//	verdict = 0 or reason u8, text       server: come in, or why not
//
// After that a stream belongs to its users. A lane carries frames of 24 bytes and a body
// (frame.go):
//
//	magic "pMs1" u32, length u32, sequence u32, type u8, class u8, flags u8, compression u8,
//	CRC-32C of the body u32, CRC-32C of the head u32
//
// The checksum of the head starts from a number that follows from both nonces, the purpose and
// the direction, so no frame fits into another connection; with the sequence, none can be missing,
// repeated or moved. A length is believed only after the head has been checked. A message is one
// frame, or several of up to 128 KiB (less on a slow link, so that each takes 10 ms), between which
// frames of other classes may come; its first frame begins with the two machines and the size of
// the whole. The other types are ping, its answer, and bye with a reason in words. A type that is
// not known ends the connection, unless a flag says that it may be ignored.
//
// # Memory
//
// For one peer, what waits is bounded by Config.Queue for each class (twice that in the worst
// case); what comes, by 256 KiB for reading and one message for each class, for each lane. All of
// it grows on demand, and is given back when nothing happens for the time between two pings.
package mesh
