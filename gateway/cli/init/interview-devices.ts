import { brokerId, pinsId, sounderDevice, type Answers } from '../../../firmware-config/init/answers.ts'
import { one, say, text, yes, type Choice, type Conversation } from '../ask/question.ts'
import type { Box, KnownProfile } from './box.ts'
import * as judge from './judges.ts'

export interface Lines { readonly lines: Answers['lines']; readonly broker?: NonNullable<Answers['broker']> }

export function* askLines(box: Box): Conversation<Lines> {
  const lines: Answers['lines'][number][] = []
  for (;;) {
    const free = box.serialPorts.filter((port) => !lines.some(({ serial }) => serial === port))
    const kind = yield* one(lines.length === 0 ? { zh: 'Modbus 设备接在哪里', en: 'Where are Modbus devices' } : { zh: '还有别的 Modbus 线路吗', en: 'Any other Modbus line' }, [
      { value: 'none', label: lines.length === 0 ? { zh: '没有，或以后再说', en: 'none, or later' } : { zh: '没有了', en: 'no more' } },
      ...free.map((port): Choice => ({ value: port, label: { zh: `RS-485 串口 ${port}`, en: `RS-485 at ${port}` } })),
      { value: 'serial', label: { zh: '别的串口（输入路径）', en: 'another serial port (type its path)' }, ...(box.serialPorts.length === 0 ? { hint: { zh: '本机没有发现串口', en: 'none was found on this box' } } : {}) },
      { value: 'tcp', label: { zh: '网络上的 Modbus TCP 设备或串口服务器', en: 'Modbus TCP: a device or gateway on the network' } },
    ], lines.length === 0 && free.length > 0 ? { initial: free[0]! } : {})
    if (kind === 'none') break
    lines.push(yield* kind === 'tcp' ? askTcp(lines) : askSerial(lines, kind === 'serial' ? undefined : kind))
  }
  const broker = yield* askBroker(box)
  return { lines, ...(broker ? { broker } : {}) }
}

const idFor = (lines: Answers['lines']) => text({ zh: '给这条线路一个编号', en: 'An id for this line' }, judge.freeId([...lines.map(({ id }) => id), brokerId, pinsId]), { initial: `line-${lines.length + 1}` })

function* askSerial(lines: Answers['lines'], found: string | undefined): Conversation<Answers['lines'][number]> {
  const serial = found ?? (yield* text({ zh: '串口路径', en: 'Path of the port' }, judge.serialPath, { initial: '/dev/serial/by-id/' }))
  const id = yield* idFor(lines)
  const baudRate = Number(yield* one({ zh: '波特率（不知道就选 9600，linli scan 会找出来）', en: 'Baud rate (unknown: 9600, linli scan finds it)' }, ['9600', '4800', '2400', '19200', '38400', '57600', '115200'].map((value) => ({ value, label: value })), { initial: '9600' }))
  const parity = yield* one({ zh: '校验位', en: 'Parity' }, [{ value: 'none', label: { zh: '无 (8N1)', en: 'none (8N1)' } }, { value: 'even', label: { zh: '偶 (8E1)', en: 'even (8E1)' } }, { value: 'odd', label: { zh: '奇 (8O1)', en: 'odd (8O1)' } }], { initial: 'none' })
  return { id, serial, baudRate, parity: parity as 'none' | 'even' | 'odd' }
}

function* askTcp(lines: Answers['lines']): Conversation<Answers['lines'][number]> {
  const host = yield* text({ zh: '地址（IP 或主机名）', en: 'Address (IP or host name)' }, judge.host)
  const port = Number(yield* text({ zh: '端口', en: 'Port' }, judge.port(new Set(lines.flatMap((line) => (line.host === host ? [line.port ?? 502] : [])))), { otherwise: '502' }))
  const id = yield* idFor(lines)
  return { id, host, port }
}

function* askBroker({ addresses }: Box): Conversation<Answers['broker']> {
  if (!(yield* yes({ zh: '有 MQTT 设备（自助终端、Zigbee、智能插座）连到本机吗', en: 'Do MQTT devices (terminals, Zigbee, plugs) connect to this box' }, false))) return undefined
  const host = yield* one({ zh: '它们从哪个网络来', en: 'From which network do they come' }, [
    ...addresses.map((value): Choice => ({ value, label: value })),
    { value: '0.0.0.0', label: { zh: '所有网络', en: 'all networks' } }, { value: '127.0.0.1', label: { zh: '只有本机', en: 'this box only' } },
  ])
  const port = Number(yield* text({ zh: '端口', en: 'Port' }, judge.port(new Set()), { otherwise: '1883' }))
  yield* say({ zh: '每个设备会有自己的账号和随机密码，存在 secrets/ 里；没有默认密码', en: 'each device gets an account of its own and a random password in secrets/; there is no default password' })
  return { host, port }
}

type Device = Answers['devices'][number]

export function* askDevices(box: Box, places: Answers['places'], { lines, broker }: Lines): Conversation<Device[]> {
  const devices: Device[] = []
  const usable = box.profiles.filter(({ driver }) => (driver === 'modbus' ? lines.length > 0 : driver === 'mqtt' && broker !== undefined))
  if (usable.length === 0) return devices
  let more = (yield* one({ zh: '设备', en: 'Devices' }, [
    { value: 'later', label: { zh: '以后用 linli scan 查找', en: 'later, with linli scan' } }, { value: 'now', label: { zh: '现在从设备库选', en: 'choose from the library now' } },
  ])) === 'now'
  while (more) {
    devices.push(yield* askDevice(usable, devices, places, lines))
    more = yield* yes({ zh: '再加一个设备', en: 'Another device' }, false)
  }
  return devices
}

function* askDevice(usable: readonly KnownProfile[], devices: readonly Device[], places: Answers['places'], lines: Answers['lines']): Conversation<Device> {
  const name = yield* one({ zh: '型号', en: 'Model' }, usable.map(({ name: value, label }) => ({ value, label: { zh: `${label.zh} ${value}`, en: `${label.en} (${value})` } })), { search: true })
  const profile = usable.find((each) => each.name === name)!
  const zh = yield* text({ zh: '中文名称', en: 'What it is called in Chinese' }, judge.given, { initial: profile.label.zh })
  const en = yield* text({ zh: '英文名称', en: 'What it is called in English' }, judge.given, { initial: profile.label.en })
  const ids = devices.map((device) => device.id)
  const id = yield* text({ zh: '设备编号', en: 'Its id' }, judge.freeId([...ids, sounderDevice]), judge.suggestion(profile.name, ids))
  const place = yield* askPlace(places)
  const base = { id, name: { zh, en }, profile: profile.name, ...(place === undefined ? {} : { place }) }
  if (profile.driver === 'mqtt') return { ...base, ...(yield* askTopics(profile, id, devices)) }
  const line = lines.length === 1 ? lines[0]!.id : yield* one({ zh: '在哪条线路上', en: 'On which line' }, lines.map(({ id: value, serial, host }) => ({ value, label: `${value}  ${serial ?? host ?? ''}` })))
  const taken = new Map(devices.flatMap((device) => (device.line === line && device.unitId !== undefined ? [[device.unitId, device.id] as const] : [])))
  const serial = lines.find((each) => each.id === line)?.serial !== undefined
  const unitId = Number(yield* text({ zh: '站号（Modbus 地址）', en: 'Unit id (Modbus address)' }, judge.unitId(taken, serial)))
  return { ...base, line, unitId }
}

/** undefined where there are no places, or it has none. */
export function* askPlace(places: Answers['places']): Conversation<string | undefined> {
  const known = Object.entries(places)
  if (known.length === 0) return undefined
  const place = yield* one({ zh: '在哪里', en: 'Where is it' }, [...known.map(([value, label]) => ({ value, label })), { value: '', label: { zh: '不说', en: 'not said' } }])
  return place === '' ? undefined : place
}

function* askTopics({ variables }: KnownProfile, id: string, devices: readonly Device[]): Conversation<Pick<Device, 'via' | 'variables'>> {
  const bridges = devices.filter(({ profile, via }) => via === undefined && profile.endsWith('-bridge'))
  const via = bridges.length === 0 ? '' : yield* one({ zh: '它自己登录，还是经网桥', en: 'Does it log in itself, or come through a bridge' }, [...bridges.map(({ id: value, name }) => ({ value, label: name })), { value: '', label: { zh: '自己登录', en: 'itself' } }])
  const told: Record<string, string> = {}
  for (const name of variables) {
    const value = yield* text({ zh: `主题里的 {${name}}（设备自己的名字）`, en: `{${name}} in its topics (what the device calls itself)` }, judge.topicPart, { otherwise: id })
    if (value !== id) told[name] = value
  }
  return { ...(via === '' ? {} : { via }), ...(Object.keys(told).length > 0 ? { variables: told } : {}) }
}
