import { describe, expect, it } from 'vitest'
import type { Facility } from '../../../gateway/contract/index.ts'
import { reviewChannels } from '../../../rules/notify/review.ts'
import { channelIds } from '../../../rules/notify/names.ts'
import { channel } from './support.ts'

const device = { id: 'env', name: { zh: '环境', en: 'air' }, connectionId: 'broker' }
const facility: Facility = { timezone: 'Asia/Shanghai', points: new Map(), devices: new Map([['env', device]]) }
const env = { env: 'X' }

describe('channels, once the devices are known', () => {
  it('are warned of where they would not please', () => {
    const found = reviewChannels([
      null, channel('mqtt', { connection: 'brokr' }), channel('mqtt', { connection: 'broker' }), channel('webhook', { url: 'http://10.0.0.9/x' }), channel('webhook', { url: 'http://127.0.0.1:8/x' }), channel('webhook', { url: env }),
      channel('wecom', { token: env, baseUrl: 'http://proxy.lan' }), channel('email', { host: 'm', security: 'none', from: 'a@b', to: ['c@d'] }),
    ], facility)
    expect(found.map(({ path, warning }) => [path[1], warning])).toEqual([[1, true], [3, true], [6, true], [7, true]])
    expect(found[0]!.message).toContain('did you mean "broker"?')
  })
  it('are known by their ids, as far as they could be read', () => {
    expect([...channelIds([null, channel('wecom', { token: env })])]).toEqual(['duty'])
    expect([...channelIds(null)]).toEqual([])
  })
})
