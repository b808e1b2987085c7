import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { SecretRef } from '../../../gateway/contract/index.ts'
import { readSecret, systemClock } from '../../../gateway/kit/index.ts'
import { channelSchema, type ChannelConfig, type ChannelOf } from '../../../rules/notify/schema.ts'
import type { Message, Surroundings } from '../../../rules/notify/message.ts'
import type { Notice } from '../../../rules/notify/notice.ts'
import type { SenderPorts } from '../../../rules/notify/sender.ts'
import { tempFolder } from '../../support/resources.ts'

export const around: Surroundings = { site: { zh: '江岸社区服务站', en: 'Jiangan service point' }, gateway: 'hall-1', timezone: 'Asia/Shanghai', deviceName: (id) => (id === 'smoke-1' ? { zh: '一层烟感', en: 'smoke sensor, floor 1' } : undefined), placeOf: () => undefined }

export const notice = (overrides: Partial<Notice> = {}): Notice => ({
  alert: 'a1b2c3d4e5f60718', rule: 'smoke', step: 'raised', severity: 1, title: { zh: '烟雾报警', en: 'smoke' }, at: Date.UTC(2026, 10, 25, 6, 3), raisedAt: Date.UTC(2026, 10, 25, 6, 3), count: 1, device: 'smoke-1', place: 'hall', mention: [], ...overrides,
})
export const message = (overrides: Partial<Message> = {}): Message => ({ notices: [notice()], phones: [], ...overrides })

export const ports = (overrides: Partial<SenderPorts> = {}): SenderPorts => ({ clock: systemClock, around, readSecret, ...overrides })

/** As a site file would give it, defaults filled in. */
export const channel = <K extends ChannelConfig['kind']>(kind: K, settings: object): ChannelOf<K> => channelSchema.parse({ id: 'duty', kind, ...settings }) as ChannelOf<K>

/** A secret in a file of its own, as an installer keeps it. */
export async function secret(value: string, name = 'secret'): Promise<SecretRef> {
  const file = path.join(await tempFolder(), name)
  await writeFile(file, `${value}\n`)
  return { file }
}

export const never = new AbortController().signal
