#!/bin/sh
# Records the traces of this folder anew: mkfs-ext4.iolog and fio-randrw.iolog.
#
# mkfs-ext4: nbdkit serves 64 MiB of memory and logs every request; nbdfuse shows it as a file;
# mkfs.ext4 makes a file system in it, debugfs fills and changes it, e2fsck checks it. What the
# log holds is therefore what these programs really asked of a block device.
# fio-randrw: fio writes its own trace while it reads and writes a file of 16 MiB.
#
# Needs nbdkit, nbdfuse, mkfs.ext4, debugfs, e2fsck and fio, and the right to mount FUSE (root).
# Everything happens in a temporary folder that is removed at the end, also after a failure.
# Times differ from run to run; offsets and sizes only with the versions of the programs.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
nbdkit_pid=
nbdfuse_pid=

stop_server() {
	if [ -n "$nbdfuse_pid" ]; then
		umount "$work/mnt" || true # nbdfuse ends when its folder is unmounted
		wait "$nbdfuse_pid" || true
		nbdfuse_pid=
	fi
	if [ -n "$nbdkit_pid" ]; then
		kill "$nbdkit_pid" || true
		wait "$nbdkit_pid" || true
		nbdkit_pid=
	fi
}
cleanup() {
	stop_server
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# wait_for FILE: give a server five seconds to come up.
wait_for() {
	tries=50
	until [ -e "$1" ]; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || { echo "record.sh: no $1 after 5 s" >&2; exit 1; }
		sleep 0.1
	done
}

record_mkfs() {
	mkdir "$work/mnt"
	nbdkit -f -U "$work/sock" --filter=log memory 64M logfile="$work/log" &
	nbdkit_pid=$!
	wait_for "$work/sock"
	nbdfuse "$work/mnt" --unix "$work/sock" &
	nbdfuse_pid=$!
	wait_for "$work/mnt/nbd"

	seq 1 700 >"$work/small"
	seq 1 20000 >"$work/middle"
	seq 1 60000 >"$work/large"
	cat >"$work/cmds" <<-EOF
		mkdir etc
		mkdir var
		write $work/small etc/small
		write $work/large var/large
		write $work/middle var/middle
		ln etc/small etc/link
		symlink etc/soft small
		rm var/middle
		write $work/middle var/again
		mkdir var/empty
		rmdir var/empty
		mkdir mail
	EOF
	for i in $(seq 1 60); do
		echo "write $work/small mail/$i"
		[ $((i % 5)) -ne 0 ] || echo "rm mail/$i"
	done >>"$work/cmds"
	mkfs.ext4 -q -F -b 4096 -E nodiscard "$work/mnt/nbd"
	debugfs -w -f "$work/cmds" "$work/mnt/nbd" >/dev/null
	e2fsck -f -y "$work/mnt/nbd" >/dev/null || [ $? -eq 1 ] # 1: put small things right
	stop_server
	awk -f "$here/nbdkit-log-to-iolog.awk" "$work/log" >"$here/mkfs-ext4.iolog"
}

record_fio() {
	fio --name=randrw --filename="$work/file" --size=16m --bs=4k --rw=randrw --rwmixread=40 \
		--random_distribution=zipf:1.1 --fsync=16 --number_ios=1200 --randseed=1 \
		--ioengine=psync --write_iolog="$work/fio.iolog" --output=/dev/null
	sed "s|$work/file|/volume|" "$work/fio.iolog" >"$here/fio-randrw.iolog"
}

record_mkfs
record_fio
wc -lc "$here/mkfs-ext4.iolog" "$here/fio-randrw.iolog"
