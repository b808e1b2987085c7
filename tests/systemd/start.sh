#!/bin/bash
# start.sh DISK PARTS: Debian's own systemd as the first process of namespaces of its own, on the file system in DISK, with PARTS read-only as /mnt.
# It has its own processes, network, host name and control groups; of this kernel's settings and devices it may change nothing.
set -eu
unified=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
group=$unified/linli-systemd-$$
mkdir "$group"; echo $$ >"$group/cgroup.procs"
exec unshare --mount --pid --cgroup --uts --ipc --net --fork --kill-child --propagation private bash -euc '
root=/mnt
mount -o loop "$1" "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"; mount -o remount,ro,bind "$root/proc/sys"
if [ -e "$root/proc/sysrq-trigger" ]; then mount --bind "$root/proc/sysrq-trigger" "$root/proc/sysrq-trigger"; mount -o remount,ro,bind "$root/proc/sysrq-trigger"; fi
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
cd "$root/dev"
node() { mknod -m "$2" "$1" c "$3" "$4"; }
node null 666 1 3; node zero 666 1 5; node full 666 1 7; node random 666 1 8; node urandom 666 1 9; node tty 666 5 0
for n in 2 3; do node ttyS$n 660 4 $((64 + n)); chgrp 20 ttyS$n; done
mkdir pts shm; mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts pts; ln -s pts/ptmx ptmx; ln -s /proc/self/fd fd
hostname box; ip link set lo up
mount --bind "$2" "$root/mnt"; mount -o remount,ro,bind "$root/mnt"
cd "$root"; mkdir -p old; pivot_root . old; umount -l /old
exec env -i container=linli PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=journal --show-status=0
' sh "$@"
