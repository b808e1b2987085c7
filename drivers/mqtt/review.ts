import type { Forecast } from '../../gateway/contract/index.ts'
import type { MqttConfig, MqttDeviceConfig } from './settings.ts'
import { fillIn, usernameOf } from './topics.ts'

interface Problem { readonly deviceId: string; readonly path: (string | number)[]; readonly message: string }

/** What zod cannot see of an MQTT connection. */
export function review({ settings, devices }: MqttConfig): readonly Problem[] {
  const users = new Map<string, string>()
  const bridges = new Map(devices.map(({ id, settings: { via } }) => [id, via]))
  return devices.flatMap((device) => {
    const problems: Problem[] = []
    const problem = (path: (string | number)[], message: string): void => { problems.push({ deviceId: device.id, path, message }) }
    if (settings.mode === 'broker') reviewAccount(device, bridges, users, problem)
    else if (settings.url === undefined) problem([], 'connection has mode: client but no url')
    if (settings.mode === 'broker' && !settings.plain && !settings.tls) problem([], 'connection has plain: false and no tls: nobody could connect')
    if ((settings.cert === undefined) !== (settings.key === undefined)) problem([], 'connection has a cert or a key alone: a client certificate needs both')
    reviewTopics(device, problem)
    for (const { id, writable, address } of device.points) {
      const name = id.slice(device.id.length + 1)
      if (writable && !address.command) problem(['points', name, 'writable'], 'a writable point needs a command: { topic, payload }')
      if (address.command?.confirm === false && address.command.payload === '') problem(['points', name, 'command', 'payload'], 'an empty payload carries no value')
    }
    return problems
  })
}

function reviewAccount(device: MqttDeviceConfig, bridges: ReadonlyMap<string, string | undefined>, users: Map<string, string>, problem: (path: (string | number)[], message: string) => void): void {
  const { via, password } = device.settings
  if (via !== undefined) {
    if (!bridges.has(via) || via === device.id) problem(['via'], `no other device "${via}" on this connection`)
    else if (bridges.get(via) !== undefined) problem(['via'], `"${via}" has no account of its own either; name the device that logs in`)
    return
  }
  if (!password) problem(['password'], 'a device of the local broker needs a password: { env: NAME } or { file: PATH }, or via: the device that brings its messages')
  const name = usernameOf(device)
  if (users.has(name)) problem(['username'], `username "${name}" is already device "${users.get(name)}"`)
  users.set(name, device.id)
}

function reviewTopics(device: MqttDeviceConfig, problem: (path: (string | number)[], message: string) => void): void {
  const { settings, points, id } = device
  const read = (path: (string | number)[], topic: string): void => { const why = wrongTopic(fillIn(topic, device), true); if (why) problem(path, why) }
  settings.occurrences.forEach(({ topic }, index) => read(['occurrences', index, 'topic'], topic))
  if (settings.availability) read(['availability', 'topic'], settings.availability.topic)
  for (const point of points) {
    const name = point.id.slice(id.length + 1)
    read(['points', name, 'topic'], point.address.topic)
    point.address.also.forEach(({ topic }, index) => read(['points', name, 'also', index, 'topic'], topic))
    const why = point.address.command ? wrongTopic(fillIn(point.address.command.topic, device), false) : null
    if (why) problem(['points', name, 'command', 'topic'], why)
  }
}

function wrongTopic(topic: string, captures: boolean): string | null {
  const plain = captures ? topic.replace(/(^|\/)\{\+[a-zA-Z][a-zA-Z0-9]{0,47}\}(?=\/|$)/g, '$1x') : topic
  if (/[#+\0]/.test(plain)) return `topic "${topic}" has a wildcard; name one topic, with {device} for the device's id${captures ? ' and {+name} for any one level' : ''}`
  if (/[{}]/.test(plain)) return `topic "${topic}" has a brace that is no {variable}`
  return topic.startsWith('$') ? `topic "${topic}" begins with $, which belongs to brokers` : null
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || host.startsWith('127.')

/** For `linli check`: what works and will not please. */
export function foresee({ id, settings, devices }: MqttConfig): readonly Forecast[] {
  const { mode, plain, listen, url, username } = settings
  const out: Forecast[] = []
  if (mode === 'broker' && plain && !isLoopback(listen.host)) out.push({ message: `connection ${id}: passwords of ${devices.length} devices travel in clear through ${listen.host}:${listen.port}; anyone on that network can read them and open what they open: add tls: { cert, key }, and plain: false when all devices use it` })
  if (mode === 'client' && username !== undefined && url?.startsWith('mqtt://') && !isLoopback(new URL(url).hostname)) out.push({ message: `connection ${id}: the gateway's password travels in clear to ${url}; use mqtts:// with ca:` })
  return out
}
