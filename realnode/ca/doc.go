// Package ca is the small authority of one cluster: it makes the certificates by which the hosts
// know each other, and the TLS configurations that check them.
//
// On the machine of the administrator, [Create] makes an authority in a folder, and [Issue] makes
// a folder for each host, to be copied there. [Renew] prolongs a certificate without its key,
// [Revoke] withdraws one, and [Inspect] tells what a file holds. On a host, [Open] reads that
// folder, and [Config.Server] and [Config.Client] give the two sides of a connection:
//
//	c, err := ca.Open(ca.FilesIn("/etc/pitch/tls"), ca.Options{})
//	conn := tls.Client(tcp, c.Client("b"))
//	err = c.Handshake(ctx, conn) // nobody but host b of our cluster
//
// Both sides speak TLS 1.3 only and both show a certificate. A host is who the URI in its
// certificate says, such as pitch://lab/host/a, never its address: addresses change, and whoever
// can take one over must not become the host by that.
//
// The files of a running host may be replaced at any time, each by a rename. They are looked at
// in every handshake; connections that stand already are not touched.
//
// All certificates hold ECDSA keys on P-256. Ed25519 would be smaller, but P-256 is what every
// TLS library, TPM and FIPS module can do, so that the tools of others can join in; and Go mixes
// key and message into each signature's nonce, so a weak source of randomness does not betray
// the key.
package ca
