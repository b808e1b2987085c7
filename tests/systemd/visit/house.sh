#!/bin/bash
# The building's devices on one serial line, and the city with its authority and broker. What the package brings plays both.
set -euo pipefail
systemd-run -q --unit building linli simulate /house/building.yaml
for _ in $(seq 100); do line=$(readlink -f /tmp/linli-pty-*/gateway 2>/dev/null) && [ -c "$line" ] && break; sleep 0.1; done
# As udev would name it, and give it to the group of serial lines.
ln -s "$line" /dev/ttyUSB0; chgrp dialout "$line"; chmod 660 "$line"
echo '127.0.0.1 city.example' >>/etc/hosts
linli ca init /house/city; linli ca issue /house/city --server city.example --out /house/city/broker
install -d -o mosquitto /house/broker; install -o mosquitto -m 600 /house/city/{ca.pem,broker.pem,broker.key} /house/{mosquitto.conf,acl} /house/broker/
systemd-run -q --unit citybroker mosquitto -c /house/broker/mosquitto.conf
systemd-run -q --unit authority linli ca serve /house/city --listen 127.0.0.1:8443 --host city.example
