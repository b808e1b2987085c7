import type { MqttDeviceConfig } from './settings.ts'

type Level = string | { readonly capture: string }

/** A topic of the site file with its variables filled in. `{+name}` captures one level. */
export interface TopicPattern {
  readonly levels: readonly Level[]
  /** What a client subscribes to. */
  readonly filter: string
  /** No captures: the filter is the topic. */
  readonly exact: boolean
}

const variable = /\{([a-zA-Z][a-zA-Z0-9]*)\}/g
const capture = /^\{\+([a-zA-Z][a-zA-Z0-9]{0,47})\}$/

/** `{device}` is the device's id, and so is a variable the site file does not give. */
export const fillIn = (text: string, { id, settings }: MqttDeviceConfig): string => text.replace(variable, (_, name: string) => settings.variables[name] ?? id)

export const usernameOf = ({ id, settings }: MqttDeviceConfig): string => settings.username ?? id

export function compileTopic(text: string, device: MqttDeviceConfig): TopicPattern {
  const levels = fillIn(text, device).split('/').map((level): Level => { const name = capture.exec(level)?.[1]; return name === undefined ? level : { capture: name } })
  return { levels, filter: levels.map((level) => (typeof level === 'string' ? level : '+')).join('/'), exact: levels.every((level) => typeof level === 'string') }
}

/** The captured levels by name; null when the topic is another. */
export function matchTopic({ levels }: TopicPattern, topic: readonly string[]): Readonly<Record<string, string>> | null {
  if (levels.length !== topic.length) return null
  const captured: Record<string, string> = {}
  for (const [index, level] of levels.entries()) {
    if (typeof level === 'string') { if (level !== topic[index]) return null } else captured[level.capture] = topic[index]!
  }
  return captured
}

/** Whether everything `wanted` (a topic or a filter) may bring lies within `filter`. [MQTT-4.7.1-2]: `a/#` has `a` in it. */
export function covers(filter: string, wanted: string): boolean {
  const allowed = filter.split('/')
  const asked = wanted.split('/')
  for (const [index, level] of allowed.entries()) {
    if (level === '#') return true
    const other = asked[index]
    if (other === undefined || other === '#') return false
    if (level === '+' ? false : level !== other) return false
  }
  if (asked.length !== allowed.length) return false
  return true
}

/** The topics a device publishes and the gateway reads. */
export function readTopics(device: MqttDeviceConfig): readonly TopicPattern[] {
  const { points, settings } = device
  const texts = [...points.flatMap(({ address }) => [address.topic, ...address.also.map(({ topic }) => topic)]), ...settings.occurrences.map(({ topic }) => topic), ...(settings.availability ? [settings.availability.topic] : [])]
  return [...new Set(texts)].map((text) => compileTopic(text, device))
}

/** Where the gateway speaks to the building; whoever else did would be believed. */
const gatewayOwn = 'linli/'

export interface Rights { mayPublish(topic: string): boolean; maySubscribe(filter: string): boolean }

/** What an account may do: the topics of its devices, their commands, what their profiles add, and `devices/<id>/…`. */
export function rightsOf(devices: readonly MqttDeviceConfig[]): Rights {
  const filters = (of: (device: MqttDeviceConfig) => readonly string[]): readonly string[] => [...new Set(devices.flatMap(of))]
  const own = filters((device) => [`devices/${device.id}/#`, ...readTopics(device).map(({ filter }) => filter)])
  const publishes = [...own, ...filters((device) => device.settings.publishes.map((text) => fillIn(text, device)))]
  const subscribes = [...own, ...filters((device) => [
    ...device.settings.subscribes.map((text) => fillIn(text, device)),
    ...device.points.flatMap(({ address }) => (address.command ? [fillIn(address.command.topic, device)] : [])),
  ])]
  const exact = new Set(publishes)
  return {
    mayPublish: (topic) => !topic.startsWith(gatewayOwn) && (exact.has(topic) || publishes.some((filter) => covers(filter, topic))),
    maySubscribe: (filter) => subscribes.some((allowed) => covers(allowed, filter)),
  }
}
