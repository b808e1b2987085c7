import { readFile } from 'node:fs/promises'
import path from 'node:path'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { Recogniser, type KnownProfile, type Suggestion } from '../../../drivers/mqtt/recognise.ts'
import type { MqttAddress } from '../../../drivers/mqtt/schema.ts'
import { lintProfile, ProfileLibrary, shippedProfiles } from '../../../firmware-config/site/index.ts'
import { ConfigError, describe, DriverError, randomHex, systemClock as clock } from '../../kit/index.ts'
import { aborted, paint, print, printJson, stopAfter, stopSignal, table } from '../output.ts'
import { roomSchemas } from '../rooms.ts'

export interface MqttProbeOptions { readonly username?: string; readonly tls?: boolean; readonly ca?: string; readonly for?: number; readonly timeout: number; readonly json?: boolean }

const usage = 'write: sub TOPIC [--for 10s] | pub TOPIC PAYLOAD | watch [--for 30s]'
const maxTopics = 5_000

/** `linli probe mqtt`: what a broker's devices say, and which profile would read it. The password comes from MQTT_PASSWORD. */
export async function probeMqtt(target: string, [verb, ...rest]: readonly string[], options: MqttProbeOptions): Promise<void> {
  const [topic, payload] = rest
  const known = verb === 'watch' ? rest.length === 0 : verb === 'sub' ? rest.length === 1 : verb === 'pub' && rest.length === 2
  if (!known) throw new ConfigError('PROBE_USAGE', verb === undefined || ['sub', 'pub', 'watch'].includes(verb) ? usage : `"${verb}" is nothing to do; ${usage}`)
  const signal = stopSignal()
  const { client, url } = await connect(target, options)
  try {
    if (verb === 'pub') return await publish(client, topic!, payload!, options)
    await listen(client, url, topic ?? '#', verb === 'watch', options, signal)
  } finally {
    await client.endAsync(true)
  }
}

export async function connect(target: string, { username, tls, ca, timeout }: MqttProbeOptions): Promise<{ client: MqttClient; url: string }> {
  const [, scheme, host, port] = /^(?:(mqtts?):\/\/)?([^:/[\]]+|\[[^\]]+\])(?::(\d+))?$/.exec(target) ?? []
  if (!host) throw new ConfigError('PROBE_USAGE', `"${target}" is no broker; give HOST or HOST:PORT`)
  const secure = tls === true || ca !== undefined || scheme === 'mqtts'
  const url = `${secure ? 'mqtts' : 'mqtt'}://${host}:${port ?? (secure ? 8_883 : 1_883)}`
  const password = process.env.MQTT_PASSWORD
  const settings: IClientOptions = {
    protocolVersion: 4, clientId: `linli-probe-${randomHex(4)}`, reconnectPeriod: 0, connectTimeout: timeout,
    ...(username === undefined ? {} : { username }), ...(password === undefined || username === undefined ? {} : { password }), ...(ca === undefined ? {} : { ca: await readFile(ca) }),
  }
  const client = mqtt.connect(url, settings)
  return new Promise((resolve, reject) => {
    let why: unknown = 'closed without an answer'
    client.on('error', (error) => { why = error })
    client.once('close', () => { client.end(true); reject(new DriverError('MQTT_CONNECT_FAILED', `no connection to ${url} (${describe(why) || 'no answer'}); check host, port, --username and MQTT_PASSWORD${secure ? ', and --ca' : ''}`, { cause: why })) })
    client.once('connect', () => { client.removeAllListeners('close'); resolve({ client, url }) })
  })
}

async function publish(client: MqttClient, topic: string, payload: string, { json, timeout }: MqttProbeOptions): Promise<void> {
  const began = clock.monotonic()
  const sent = client.publishAsync(topic, payload, { qos: 1 })
  const closed = new Promise<never>((_, reject) => { client.once('close', () => reject(new DriverError('MQTT_TOPIC_DENIED', `the broker closed the connection on ${topic}; may this user publish there?`))) })
  const answered = new AbortController()
  const late = clock.sleep(timeout, answered.signal).then(() => { throw new DriverError('WRITE_TIMEOUT', `no acknowledgement of ${topic} within ${timeout} ms`) })
  closed.catch(() => {})
  late.catch(() => {})
  await Promise.race([sent, closed, late]).finally(() => answered.abort())
  const ms = Math.round(clock.monotonic() - began)
  if (json) return printJson({ topic, payload, acknowledged: true, ms })
  print(`${topic}  ${paint('green', `acknowledged after ${ms} ms`)}`)
}

async function listen(client: MqttClient, url: string, filter: string, quiet: boolean, options: MqttProbeOptions, signal: AbortSignal): Promise<void> {
  const recogniser = new Recogniser(await mqttProfiles())
  const topics = new Map<string, { count: number; last: string }>()
  client.on('message', (heard, payload, { retain }) => {
    recogniser.hear(heard, payload)
    // A stranger's bytes go to a terminal: no control characters.
    const [topic, text] = [show(Buffer.from(heard)), show(payload)]
    const entry = topics.get(topic)
    if (entry) { entry.count++; entry.last = text } else if (topics.size < maxTopics) topics.set(topic, { count: 1, last: text })
    if (quiet && entry) return
    if (options.json) { if (!quiet) printJson({ at: clock.now(), topic, payload: text, retained: retain }) } else print(`${new Date(clock.now()).toISOString().slice(11, 23)}  ${paint('bold', topic)}  ${quiet ? cut(text) : text}${retain ? paint('yellow', '  (retained)') : ''}`)
  })
  const granted = await client.subscribeAsync(filter, { qos: 1 }).catch(() => [])
  if (granted.length === 0 || granted.some(({ qos }) => Number(qos) === 128)) throw new DriverError('MQTT_SUBSCRIBE_REFUSED', `${url} refuses a subscription to ${filter}; ask for a topic this user may read`)
  const lost = new Promise<string>((resolve) => { client.once('close', () => resolve('lost')) })
  const ended = await Promise.race([aborted(stopAfter(signal, options.for)), lost])
  conclude(topics, recogniser.suggestions(), quiet, options)
  if (ended === 'lost') throw new DriverError('MQTT_CLOSED', `${url} closed the connection`)
}

function conclude(topics: ReadonlyMap<string, { readonly count: number; readonly last: string }>, suggestions: readonly Suggestion[], quiet: boolean, { json }: MqttProbeOptions): void {
  if (json) {
    if (quiet) printJson({ topics: [...topics].map(([topic, each]) => ({ topic, ...each })), suggestions })
    else if (suggestions.length > 0) printJson({ suggestions })
    return
  }
  if (topics.size === 0) print(paint('yellow', 'nothing was heard; is the device connected to this broker, and does it publish under this topic?'))
  if (quiet && topics.size > 0) print(`\n${table([['TOPIC', 'MESSAGES', 'LAST'], ...[...topics].toSorted(([a], [b]) => a.localeCompare(b)).map(([topic, { count, last }]) => [topic, String(count), cut(last)])])}`)
  if (suggestions.length === 0) return
  print(`\n${paint('bold', 'looks like')}`)
  print(table(suggestions.map(({ profile, variables, seen, total }) => [profile, `${seen} of ${total} points seen`, siteLine(profile, variables)])))
}

/** A line for the site file. */
export function siteLine(profile: string, { device, ...variables }: Readonly<Record<string, string>>): string {
  const name = device ?? Object.values(variables)[0] ?? profile
  const id = name.toLowerCase().replace(/[^a-z0-9-]+/g, '-').slice(0, 48)
  const given = Object.entries(variables).filter(([, value]) => value !== id)
  return `- { id: ${id}, profile: ${profile}${given.length > 0 ? `, variables: { ${given.map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join(', ')} }` : ''}, … }`
}

export async function mqttProfiles(): Promise<readonly KnownProfile[]> {
  const library = await ProfileLibrary.open([path.resolve('profiles'), shippedProfiles])
  const all = await Promise.all(library.names().map((name) => lintProfile(library.file(name)!, roomSchemas.drivers)))
  return all.flatMap(({ profile, points }) => (profile?.driver === 'mqtt' ? [{ name: profile.profile, points: points.map(({ id, address }) => ({ id, address: address as MqttAddress })) }] : []))
}

function show(payload: Buffer): string {
  const text = payload.toString()
  // eslint-disable-next-line no-control-regex
  return Buffer.from(text).equals(payload) && !/[\u0000-\u0008\u000e-\u001f\u007f-\u009f]/.test(text) ? text : `0x${payload.toString('hex')}`
}

const cut = (text: string): string => (text.length <= 100 ? text : `${text.slice(0, 99)}…`)
