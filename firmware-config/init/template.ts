/** What `linli init --answers-template` prints: every answer there is, with what it means. Itself a valid file of answers. */
export const answersTemplate = `# Answers for: linli init SITE.yaml --answers THIS-FILE    无人值守的答案文件
# Only site is needed; leave out what is not there. Secrets never stand here: they are files or environment variables.
site:
  id: wuchang-center                # a-z, 0-9, -; stands in every message 网关编号
  name: { zh: 武昌区示范邻里服务中心, en: Wuchang model neighbourhood service centre }
  region: "420106"                  # county of GB/T 2260, in quotes 区县代码
  grid: { scheme: unit-grid-15, code: "420106001001001" }   # or cjt-349-20, division-12, custom with a pattern 网格编码
  timezone: Asia/Shanghai
places:                             # rooms, by an id 位置
  hall: { zh: 办事大厅, en: service hall }
  lobby: { zh: 门厅, en: lobby }
lines:                              # where Modbus devices are: a serial port, or an address 线路
  - { id: line-1, serial: /dev/serial/by-id/usb-1a86_USB_Serial-if00-port0, baudRate: 9600, parity: none }
  - { id: meters, host: 192.168.1.20, port: 502 }
broker: { host: 0.0.0.0, port: 1883 }   # for MQTT devices; each gets a random password in secrets/ 内置 MQTT
devices:                            # profiles: linli profiles; or leave out, and use linli scan 设备
  - { id: hall-env, name: { zh: 大厅温湿度, en: hall climate }, profile: xy-md02, place: hall, line: line-1, unitId: 1 }
  - { id: relays, name: { zh: 继电器, en: relays }, profile: waveshare-8-relay, line: line-1, unitId: 3 }
  - { id: terminal-1, name: { zh: 自助终端 1, en: terminal 1 }, profile: self-service-terminal, place: hall }
gpio:                               # dry contacts between a pin of this box and ground 引脚
  # chip: pinctrl-bcm2711           # where there are several; linli probe gpio
  pull: true                        # the chip's own pull-up; false with a resistor of yours, or where the box has only sysfs
  contacts:                         # kind: door, smoke, leak, button; rest: how the contact is when all is well
    - { id: east-door, name: { zh: 东门, en: east door }, kind: door, line: 17, place: lobby, rest: closed }
    - { id: hall-smoke, name: { zh: 大厅烟感, en: hall smoke }, kind: smoke, line: 27, place: hall, rest: closed }
sounder: { point: relays.relay-8 }  # or { line: 22 }: a pin 声响
people:                             # names stay on the box 人员
  - { id: wang, name: { zh: 王师傅, en: Master Wang }, role: property }
duty:                               # who is on duty when 值班
  - { when: ["mon-sun 00:00-24:00"], people: [wang] }
platform:                           # 城市平台
  url: mqtts://platform.example:8883
  certificate: true                 # linli enrol fetches it; else username and password: { file: PATH } or { env: NAME }
console: { host: 127.0.0.1, port: 8080 }   # the page for staff; beyond the box also tls: site-ca, tls: { cert, key } or plainHttp: true 值班网页
`
