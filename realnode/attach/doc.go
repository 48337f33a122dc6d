// Package attach gives a volume to the host that it is served on, as a block device: on machines
// whose kernel has neither nbd nor ublk, file systems and databases use it like a local disk.
//
// A volume is anything that implements [Device]. [Attach] makes a FUSE file system with exactly
// one file, served by this process, and binds a loop device to that file:
//
//	a, err := attach.Attach(ctx, "vol", dev, attach.Options{
//		Mount: "/run/pitch/mnt/vol", Link: "/dev/pitch/vol"})
//	...                   // mkfs.ext4 /dev/pitch/vol; mount /dev/pitch/vol /srv
//	err = a.Detach(ctx)   // refused while it is mounted or open
//
// [Sweep] removes what a process that was killed has left; call it before the first Attach.
//
// # Durability
//
// Nothing is cached twice. The page cache of the host is above the loop device, and a request
// that leaves it goes straight to the device. A flush of the block device, which is what fsync of
// a file system becomes, is a call of [Device.Flush]. Once that has failed, every later one fails
// until the volume is attached anew: the kernel reports a lost write once, and a later success
// would say that the data is there.
//
// # What must not happen
//
// The process that serves a volume must not use a file system on it, nor wait for a process that
// does: while it waits it may not answer. The same is true of memory: to get some, the kernel may
// write dirty pages to the volume and wait. [KeepServing] tells it not to do that on behalf of
// this process; call it early in main.
//
// # Inside
//
// A killed process must not keep its own requests alive. The kernel ends the requests of a FUSE
// file system when the last descriptor of /dev/fuse closes, but a thread that waits for such a
// request keeps all descriptors of the process open. So whatever may wait for the own file system
// is done by a thread that has a descriptor table of its own (see apart), and the process keeps
// neither the file nor the loop device open. For the latter reason the loop device does not clear
// itself when nobody has it open, either: that would be between mkfs and mount.
package attach
