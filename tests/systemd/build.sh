#!/bin/bash
# A small Debian with systemd, a broker and a serial line of socat's, as an image of a disk. $1: folder for it; made once. Wants root, debootstrap and mke2fs;
# release and mirror are those of this system's apt.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd); PATH=$PATH:/usr/sbin:/sbin; mkdir -p "$1"; cd "$1"; exec 9>lock; flock 9
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
made="$release $(sha256sum <"$HERE/build.sh" | cut -c1-16)"
if [ "$(cat made 2>/dev/null)" = "$made" ] && [ -f system.img ]; then exit 0; fi
rm -rf made root system.img
mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' | sed -n "s/^$release //p" | head -1)
[ -n "$mirror" ] || { echo "apt has no source for $release; run apt-get update" >&2; exit 1; }
debootstrap --variant=minbase --include=systemd,systemd-sysv,udev,dbus,adduser,libstdc++6,mosquitto,mosquitto-clients,socat "$release" root "$mirror" >debootstrap.log 2>&1 || { tail -5 debootstrap.log >&2; rm -rf root; exit 1; }
rm -rf root/var/cache/apt/archives/*.deb root/var/lib/apt/lists/* root/usr/share/{doc,locale,man}/*
echo box >root/etc/hostname
: >root/etc/machine-id
chroot root systemctl -q mask console-getty.service getty@tty1.service systemd-firstboot.service apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer
mke2fs -q -t ext4 -d root -F system.img 1500M
rm -rf root
echo "$made" >made
