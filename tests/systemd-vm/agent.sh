#!/bin/bash
# Inside the machine: takes scripts from the second serial line, base64 a line, and answers each with its exit code and what it wrote.
stty -F /dev/ttyS1 raw -echo
exec 3<>/dev/ttyS1
mkdir -p /mnt && mount -o ro /dev/nvme1n1 /mnt
echo "ready $(cat /proc/sys/kernel/random/boot_id)" >&3
while read -r line <&3; do
  out=$(base64 -d <<<"$line" | bash 2>&1 3>&-); code=$?
  printf 'done %s %s\n' "$code" "$(base64 -w0 <<<"$out")" >&3
done
