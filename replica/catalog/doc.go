// Package catalog holds the metadata of a cluster: timestamped keys, spread by gossip. It is one
// [Machine] a host, beside the replicas.
//
//	m := catalog.New(catalog.Config{})
//	catalog.Request{Scope: catalog.Resource("db"), Key: "primary", Value: "a"}.Encode() // with OpSet
//
// A key belongs to a scope, and only those who share the scope have it:
//
//   - cluster/UUID: the hosts, and what each of them shares. Verbs of membership write it.
//   - resource/NAME: written by its members; guests read it.
//   - host/ID: what a host says of itself; those with whom it shares a resource read it.
//
// Of two values of a key the one with the newer [Stamp] wins. A deletion is a value, too. What is
// newer is pushed to those who share the scope; what a push did not bring is found by comparing
// digests with one of them in each round, and halving what differs. So the cost of a host follows
// what it shares, not the size of the cluster.
//
// # What may be forgotten
//
// A deletion can be forgotten once nobody can bring the old value back. Each scope has a floor:
// whoever has floor F, and lacks a key, says that all values of this key up to F are outdated. A
// writer raises its floor to its newest deletion when all writers have told it the digest that it
// has itself. Then all of them have the same entries, and stamp what they write from now on later
// than all of these. So whatever has a stamp up to F and is not among them was superseded, or
// written by a host that is no writer any more. It does not matter how long a message was under
// way, or how long a host was away.
//
// A host takes over the floor of another one whose live entries equal its own; where they do not,
// an exchange of a whole range of keys drops what the other one's floor says is outdated.
//
// # Durability
//
// A step changes the state, and writes what it changed to the log. Messages and answers that follow
// from it wait until that is durable, and so do all further events. So nothing is ever told that a
// crash could take back.
package catalog
