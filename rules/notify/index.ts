import type { ChannelTrial, Channels, GatewayConditions, Journal, SecretRef } from '../../gateway/contract/index.ts'
import { codeOf, ConfigError, type Logger } from '../../gateway/kit/index.ts'
import { didYouMean } from '../../gateway/kit/suggest.ts'
import { Channel, tryOut, type ChannelParts } from './channel.ts'
import { readerName } from './names.ts'
import type { ChannelConfig } from './schema.ts'
import type { Sender, SenderPorts } from './sender.ts'

export { channelIds, readerName } from './names.ts'
export type { ChannelConfig } from './schema.ts'

export interface ChannelsParts extends Omit<SenderPorts, 'around'>, Pick<ChannelParts, 'decode' | 'receipts' | 'random'> {
  readonly journal: Journal
  readonly conditions: GatewayConditions
  readonly log: Logger
  readonly around: SenderPorts['around']
  /** Of a person of the roster; undefined: has none. */
  phoneOf?(person: string): SecretRef | undefined
}

export interface RunningChannels extends Channels { run(signal: AbortSignal): Promise<void> }

/** One named reader of the alert stream for each channel, from the present on when it is new. Opens no connection before there is something to say. */
export async function openChannels(configs: readonly ChannelConfig[], parts: ChannelsParts): Promise<RunningChannels> {
  const { journal, conditions, clock, random, log } = parts
  const channels = await Promise.all(configs.map(async (config) => new Channel({
    config, conditions, clock, random, epoch: journal.epoch, log: log.child({ channel: config.id }),
    reader: await journal.reader(readerName(config.id), { streams: ['alert'] }), sender: await senderOf(config, parts),
    decode: (bytes) => parts.decode(bytes), receipts: (receipts) => parts.receipts(receipts), onCommit: (listener) => journal.onCommit(listener),
    phonesOf: (persons) => phonesOf(persons, parts),
  })))
  return {
    status: () => channels.map((channel) => channel.status()),
    async test(id, signal) {
      const channel = channels.find((each) => each.id === id) ?? unknown(id, configs)
      return channel.test(signal)
    },
    async run(signal) { await Promise.all(channels.map((channel) => channel.run(signal))) },
  }
}

/** Without a running gateway: one trial message, straight from the site file. Throws ConfigError NOTIFY_CHANNEL_UNKNOWN. */
export async function tryChannel(id: string, configs: readonly ChannelConfig[], ports: SenderPorts, signal: AbortSignal): Promise<ChannelTrial> {
  const config = configs.find((each) => each.id === id) ?? unknown(id, configs)
  return tryOut(id, await senderOf(config, ports), ports.clock, signal)
}

function unknown(id: string, configs: readonly ChannelConfig[]): never {
  throw new ConfigError('NOTIFY_CHANNEL_UNKNOWN', `no channel "${id}"${didYouMean(id, configs.map((each) => each.id)) || '; linli notify list shows them'}`)
}

/** Each kind is loaded where a site uses it. */
async function senderOf(config: ChannelConfig, ports: SenderPorts): Promise<Sender> {
  switch (config.kind) {
    case 'dingtalk': return (await import('./dingtalk.ts')).createDingtalk(config, ports)
    case 'feishu': return (await import('./feishu.ts')).createFeishu(config, ports)
    case 'wecom': return (await import('./wecom.ts')).createWecom(config, ports)
    case 'webhook': return (await import('./webhook.ts')).createWebhook(config, ports)
    case 'email': return (await import('./email.ts')).createEmail(config, ports)
    case 'mqtt': return (await import('./mqtt.ts')).createMqtt(config, ports)
    case 'command': return (await import('./command.ts')).createCommand(config, ports)
  }
}

/** A number that cannot be read costs the call by name, not the message. */
async function phonesOf(persons: readonly string[], { phoneOf, readSecret, log }: ChannelsParts): Promise<readonly string[]> {
  const phones = await Promise.all(persons.map(async (person) => {
    const ref = phoneOf?.(person)
    if (!ref) return []
    const number = await readSecret(ref).catch((error: unknown) => { log.warn({ code: codeOf(error), person }, 'a telephone number cannot be read; the message goes without calling this person by name'); return '' })
    return /^\+?[\d -]{5,20}$/.test(number.trim()) ? [number.replaceAll(/[\s-]/g, '')] : []
  }))
  return [...new Set(phones.flat())]
}

