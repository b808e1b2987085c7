#!/bin/bash
# mosquitto_pub ends with 0 once the PUBACK is there: only then is the number written down.
touch /house/acknowledged
n=$(wc -l </house/acknowledged)
while n=$((n + 1)); do
  message="{\"id\":\"session-$n\",\"n\":$n,\"item\":\"senior-card\",\"result\":\"done\"}"
  until timeout 10 mosquitto_pub -h 127.0.0.1 -p 1884 -i kiosk -u kiosk -P 'right horse' -q 1 -t devices/kiosk/session -m "$message" 2>/dev/null; do sleep 0.3; done
  echo "$n" >>/house/acknowledged
done
