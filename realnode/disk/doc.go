// Package disk is the I/O path below a machine: volumes and logs as stacks of small layers, all
// of one interface, [Device].
//
// A stack is put together from the bottom:
//
//	OpenVolume, MemoryVolume       one sparse file; memory
//	Summed                         a checksum of each block, compared at each read
//	VolatileVolume                 loses unsynced data when the process is killed
//	Faulty, Limited, Metered       faults for tests, a limit of speed, counters
//
//	OpenLog, MemoryLog             a folder with one file a segment; memory
//	VolatileLog, Faulty, ...       as above
//	Archived                       keeps what is deleted, for those who judge a run
//
// Every layer can be left out, and every stack passes the same tests. [Device.String] shows a
// stack in one line. [ReadLog], [ReadSegment] and [Verify] look at the files of a log from
// outside, also while a process is at work on them.
//
// # Format of a log
//
// A segment is a file of blocks of 4096 bytes. Block 0 is the header; every other block holds 4064
// bytes of the segment and a trailer of 32 bytes. So byte n of a segment is in block n/4064+1, and
// nothing has to be looked up. The file is longer than the segment: it is filled with zeros ahead,
// because a write to a block that was written before needs no change of metadata, and the file of
// a deleted segment is used for a new one. A random stamp in the header and in every trailer tells
// the blocks of the present life of a file from older ones.
//
// An append is one write, or several if it is longer than 1 MiB, each durable before the next
// begins (O_DSYNC, and O_DIRECT where the file system takes it). It begins with the block that is
// not full yet, which it writes again with more in it. The alternative, to begin each append with
// a new block, takes twice the space for appends of 4160 bytes (a block of a volume and a frame)
// and 63 times the space for 64 bytes, and was not faster by more than the noise of the
// measurement (BenchmarkTail).
//
// # Power failure
//
// It is assumed that a drive writes each sector of 512 bytes whole or not at all, in any order.
// Header and trailer lie in one sector each. The rest of a block may be torn, so:
//
//   - A trailer has two checksums: of all bytes that the block holds, and of those that were
//     durable before this write. If the first is wrong and the second is right, the write was torn,
//     and what was durable before counts. Bytes that are durable are only ever written over with
//     the same bytes.
//   - A block of which nothing was durable and whose checksum is wrong ends the segment, unless a
//     write that began behind it is there, or the header says that it was durable: that is damage.
//   - A trailer that is neither zero nor right is damage.
//   - The header has a cut and a floor. Everything before the cut is durable. What is behind it
//     counts only in blocks of writes with a number above the floor. So to truncate is to write
//     one sector. The same is done to the remains of a torn write before the next one, and when a
//     file is closed.
//
// What this cannot see: damage to the bytes of the very last append before a kill or a power
// failure looks like a torn write. The frames of the log above are shorter then, which its own
// checks must notice.
//
// # Speed
//
// Appends of 4160 bytes a second, each durable before the next, on a busy machine (BenchmarkAppend
// on ext4, two cores, load 6 to 8, ways run in turn, median of 10): 6400 with this log in a
// recycled file, 4400 in a new one, 2200 with write and fdatasync at the end of a plain file, 4900
// with the same in a plain file that was filled before. The checksums of a volume cost about 4 us
// a request of 4 KiB and 0.7 us for each 4 KiB of a large one, where the page cache has everything.
package disk
