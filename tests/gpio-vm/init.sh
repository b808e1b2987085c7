#!/bin/busybox sh
# First process of the GPIO machine: modules, the host's root read-only, then the script that lies in the folder `out`.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
while read -r m; do insmod /mod/$m || echo "insmod $m failed"; done < /mod/order
H=/host
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=524288 hostroot $H || echo "the host's root cannot be mounted"
mount --move /dev $H/dev; mount --move /sys $H/sys
mount -t proc proc $H/proc; mount -t tmpfs tmpfs $H/run; mkdir $H/run/out
mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288 out $H/run/out
mount -t configfs configfs $H/sys/kernel/config
ip link set lo up
exec >$H/dev/ttyS1 2>&1 <$H/dev/null
chroot $H /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/run TMPDIR=/run LINLI_GPIO_VM=1 sh /run/out/inside.sh
echo $? > $H/run/out/status
sync; poweroff -f
