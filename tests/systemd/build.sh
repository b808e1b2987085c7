#!/bin/bash
# A small Debian with systemd and a broker, as an image to boot from, and a kernel that needs no initrd (disk and file system are built into Debian's
# cloud kernel). $1: folder for both; made once a kernel version. Wants root, debootstrap and mke2fs; release, mirror and keys are those of this system's apt.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd); PATH=$PATH:/usr/sbin:/sbin; W=$1; mkdir -p "$W"; cd "$W"; exec 9>lock; flock 9
V=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: linux-image-//p' | head -1)
[ -n "$V" ] || { echo "apt knows no linux-image-cloud-amd64; run apt-get update" >&2; exit 1; }
made="$V $(cat "$HERE"/{build.sh,agent.sh,agent.service} | sha256sum | cut -c1-16)"
if [ "$(cat made 2>/dev/null)" = "$made" ] && [ -f vmlinuz ] && [ -f system.img ]; then exit 0; fi
rm -rf made img root system.img vmlinuz
mkdir img
(cd img && apt-get download -qq "linux-image-$V" >&2)
dpkg-deb --fsys-tarfile img/linux-image-*.deb | tar -xO "./boot/vmlinuz-$V" >vmlinuz
rm -r img
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' | sed -n "s/^$release //p" | head -1)
[ -n "$mirror" ] || { echo "apt has no source for $release" >&2; exit 1; }
debootstrap --variant=minbase --include=systemd,systemd-sysv,udev,dbus,adduser,libstdc++6,mosquitto,mosquitto-clients "$release" root "$mirror" >debootstrap.log 2>&1 || { tail -5 debootstrap.log >&2; rm -rf root; exit 1; }
rm -rf root/var/cache/apt/archives/*.deb root/var/lib/apt/lists/* root/usr/share/{doc,locale,man}/*
echo box >root/etc/hostname
echo '/dev/nvme0n1 / ext4 defaults 0 0' >root/etc/fstab
install -m 0755 "$HERE/agent.sh" root/usr/local/sbin/agent
install -m 0644 "$HERE/agent.service" root/etc/systemd/system/agent.service
chroot root systemctl -q enable agent.service
# The disk is thrown away after each run: it need not be careful. Nobody logs in.
chroot root systemctl -q mask serial-getty@ttyS0.service getty@tty1.service apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer
mke2fs -q -t ext4 -d root -F system.img 1500M
rm -rf root
echo "$made" >made
