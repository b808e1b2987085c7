#!/bin/sh
# installed.sh FOLDER SCRIPT ARGS…: runs SCRIPT on a copy of this system that is thrown away: an overlay in a mount namespace of its own.
set -eu
folder=$1; shift
exec unshare --mount --propagation private sh -eu -c '
folder=$1; shift
mount -t tmpfs tmpfs "$folder"
mkdir "$folder/up" "$folder/work" "$folder/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/up,workdir=$folder/work" "$folder/root"
mount --bind /proc "$folder/root/proc"
mount --bind /dev "$folder/root/dev"
exec chroot "$folder/root" sh -eu "$@"' sh "$folder" "$@"
