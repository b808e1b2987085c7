#!/bin/bash
# Builds a small machine with GPIO: Debian's own kernel, gpio-sim compiled for it, and a busybox to boot from. $1: folder for it.
# Wants qemu-system-x86 busybox-static kmod cpio make gcc linux-headers of that kernel; downloads linux-image and linux-source, installs neither.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd); W=$1; mkdir -p "$W"; cd "$W"; exec 9>lock; flock 9
V=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: linux-image-//p' | head -1)
[ -n "$V" ] || { echo "apt knows no linux-image-amd64; run apt-get update" >&2; exit 1; }
S=linux-source-$(echo "$V" | cut -d. -f1,2)
if [ "$(cat version 2>/dev/null)" = "$V" ] && [ -f vmlinuz ] && [ -f mod/gpio-sim.ko ]; then modules=ready; else modules=; rm -rf img src mod root vmlinuz; fi
if [ -z "$modules" ]; then
  [ -d "/usr/src/linux-headers-$V" ] || { echo "linux-headers-$V is not installed" >&2; exit 1; }
  rm -f linux-image-*.deb linux-source-*.deb
  apt-get download -q "linux-image-$V" "$S" >&2
  mkdir -p img src mod
  dpkg-deb -x linux-image-"$V"_*.deb img
  dpkg-deb --fsys-tarfile "$S"_*.deb | tar -xO "./usr/src/$S.tar.xz" | tar -xJ -C src --strip-components=1 "$S/drivers/gpio" "$S/kernel/irq"
  cp src/drivers/gpio/{gpio-sim.c,gpiolib.h} src/kernel/irq/irq_sim.c mod/
  # irq_to_desc() is not exported to modules, generic_handle_irq() is; upstream irq_sim is built in and so has no licence tag.
  sed -i 's/handle_simple_irq(irq_to_desc(irqnum))/generic_handle_irq(irqnum)/' mod/irq_sim.c
  printf '#include <linux/module.h>\nMODULE_LICENSE("GPL");\n' >> mod/irq_sim.c
  printf 'obj-m := irq_sim.o gpio-sim.o\nccflags-y += -DCONFIG_IRQ_SIM=1\n' > mod/Makefile
  make -s -C "/usr/src/linux-headers-$V" M="$PWD/mod" modules >&2
  depmod -b img "$V"
  cp "img/boot/vmlinuz-$V" vmlinuz
  rm -rf src linux-image-*.deb linux-source-*.deb
fi
rm -rf root; mkdir -p root/{bin,mod,proc,sys,dev,host}
cp "$(command -v busybox)" root/bin/busybox
: > root/mod/order
add() { local b; b=$(basename "$1"); [ -f "root/mod/$b" ] || { cp "$1" "root/mod/$b"; strip --strip-debug "root/mod/$b"; echo "$b" >> root/mod/order; }; }
for m in virtio_pci 9pnet_virtio 9p configfs; do
  while read -r _ f _; do add "$f"; done < <(modprobe -d "$PWD/img" -S "$V" --show-depends $m | grep ^insmod)
done
for m in irq_sim gpio-sim; do add mod/$m.ko; done
cp "$HERE/init.sh" root/init; chmod +x root/init
(cd root && find . | cpio -o -H newc --quiet | gzip -1) > "initrd.$$" && mv "initrd.$$" initrd.gz
rm -rf root
echo "$V" > version
