import type { CommandResult } from '../../gateway/contract/index.ts'
import type { Topics } from '../topics.ts'
import type { CommandDesk } from './desk.ts'
import type { CommandsConfig } from './schema.ts'

/** A message of the city's. MQTT 3.1.1 has payload and retain alone. */
export interface CityMessage {
  readonly payload: Uint8Array
  readonly retain: boolean
  readonly responseTopic?: string | undefined
  readonly correlationData?: Uint8Array | undefined
  /** MQTT 5 message expiry as the broker passes it on: seconds that are left. */
  readonly expirySeconds?: number | undefined
}

/** What commands need of an uplink's connection. A lost one publishes nothing and hears nothing. */
export interface CommandLink {
  publish(topic: string, payload: Uint8Array, options: { readonly correlationData?: Uint8Array }): void
  subscribe(topic: string, handler: (message: CityMessage) => void): () => void
}

export interface CommandPortOptions {
  readonly desk: CommandDesk
  readonly gateway: string
  readonly topics: Pick<Topics, 'commands' | 'answers'>
  readonly uplink: string
  readonly config: CommandsConfig
}

const maxCorrelationBytes = 256

/** One uplink's commands over its connections, one after the other: the answer goes out on the one that is open when it is there. */
export function createCommandPort({ desk, gateway, topics: { commands, answers }, uplink, config }: CommandPortOptions): { attached(link: CommandLink): void } {
  let current: CommandLink | null = null
  return {
    attached(link) {
      current = link
      link.subscribe(commands, ({ payload, retain, responseTopic, correlationData, expirySeconds }) => {
        const topic = responseTopic !== undefined && isBelow(answers, responseTopic) ? responseTopic : answers
        const options = correlationData && correlationData.length <= maxCorrelationBytes ? { correlationData } : {}
        desk.submit({
          uplink, config, payload, retained: retain, lifeMs: expirySeconds === undefined ? undefined : expirySeconds * 1_000,
          answer: (result) => current?.publish(topic, answerBytes(gateway, result), options),
        })
      })
    },
  }
}

const answerBytes = (gateway: string, result: CommandResult): Uint8Array => Buffer.from(JSON.stringify({ gateway, ...result }))

/** An answer may be asked for below `cmd/res` and nowhere else: a command must not make the gateway speak on its other topics. */
function isBelow(answers: string, topic: string): boolean {
  return topic === answers || (topic.startsWith(`${answers}/`) && topic.length <= answers.length + 128 && /^[\x21-\x7e]+$/.test(topic) && !/[#+$]/.test(topic))
}
