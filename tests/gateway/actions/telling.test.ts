import { expect, it } from 'vitest'
import { ActionRunner, type LocalBus } from '../../../gateway/actions/index.ts'
import { DriverError, FakeClock, silentLog } from '../../../gateway/kit/index.ts'
import type { Json } from '../../../gateway/contract/index.ts'

function runner(bus: LocalBus) {
  const clock = new FakeClock()
  const told: string[] = []
  const conditions = { raise: ({ key, data }: { key: string; data?: { readonly [key: string]: Json } }) => { told.push(`raise ${key} ${String(data?.code)}`) }, clear: (key: string) => { told.push(`clear ${key}`) } }
  const actions = new ActionRunner({ clock, log: silentLog(), bus, conditions, writer: { write: async () => {} }, newId: () => 'abc', point: () => undefined, whenUp: () => null, record: async () => {} })
  const publish = async (topic: string, payload: Json, ruleId = 'r'): Promise<void> => { actions.take({ kind: 'publish', ruleId, at: 0, topic, payload }); await clock.advance(0) }
  return { actions, clock, told, publish }
}

it('publishes below linli/rules/, a text as it is and anything else as JSON', async () => {
  const sent: string[] = []
  const { publish, actions } = runner({ publish: async (topic, payload) => { sent.push(`${topic} ${payload}`) } })
  await publish('hall/display', '欢迎')
  await publish('hall/display', { waiting: 3 })
  expect(sent).toEqual(['linli/rules/hall/display 欢迎', 'linli/rules/hall/display {"waiting":3}'])
  expect(actions.statistics()).toMatchObject({ published: 2, unpublished: 0 })
})
it('sends nothing on what is no topic, too long, or too much', async () => {
  const sent: string[] = []
  const { publish, actions, told } = runner({ publish: async (topic) => { sent.push(topic) } })
  for (const topic of ['', '/a', 'a/', 'a//b', 'a/#', '+/b', 'a\0b', 'a'.repeat(201)]) await publish(topic, 1)
  await publish('a', 'x'.repeat((64 << 10) + 1))
  expect(sent).toEqual([])
  expect(told).toEqual(['raise publish/failed PUBLISH_TOPIC'])
  for (let n = 0; n < 80; n++) await publish('a', n)
  expect(sent).toHaveLength(50)
  expect(actions.statistics()).toMatchObject({ published: 50, unpublished: 39 })
})
it('holds at most 256 messages for a bus that does not answer, and gives each up after a while', async () => {
  let held = 0
  const { publish, clock, actions, told } = runner({ publish: (_topic, _payload, signal) => { held++; return new Promise((_resolve, reject) => { signal.addEventListener('abort', () => reject(new DriverError('DEVICE_OFFLINE', 'gone')), { once: true }) }) } })
  for (let n = 0; n < 300; n++) await publish('a', n, `rule-${n}`)
  expect(held).toBe(256)
  await clock.advance(5_000)
  expect(actions.statistics()).toMatchObject({ unpublished: 300 })
  expect(told).toEqual(['raise publish/failed PUBLISH_RATE'])
})
it('tells once when nobody hears, and when somebody does again', async () => {
  let up = false
  const { publish, told } = runner({ publish: async () => { if (!up) throw new DriverError('PUBLISH_NO_BUS', 'no bus', { retriable: true }) } })
  for (let n = 0; n < 3; n++) await publish('a', n)
  up = true
  for (let n = 0; n < 3; n++) await publish('a', n)
  expect(told).toEqual(['raise publish/failed PUBLISH_NO_BUS', 'clear publish/failed'])
})
it('makes a notice one event that names its channels, at most ten at once from one rule', async () => {
  const { actions, clock } = runner({ publish: async () => {} })
  const notify = (ruleId = 'paper') => actions.take({ kind: 'notify', ruleId, at: 7, channels: ['dingtalk'], text: { zh: '缺纸', en: 'out of paper' } }).events
  expect(notify()).toEqual([{ stream: 'alert', type: 'alert', at: 7, subject: 'abc', data: { id: 'abc', key: 'notice/paper', rule: 'paper', severity: 4, title: { zh: '缺纸', en: 'out of paper' }, state: 'notice', phase: 'closed', condition: 'momentary', count: 1, raisedAt: 7, notify: ['dingtalk'] } }])
  expect(Array.from({ length: 20 }, () => notify().length).filter((count) => count === 1)).toHaveLength(9)
  expect(notify('another')).toHaveLength(1)
  await clock.advance(10_000)
  expect(notify()).toHaveLength(1)
  expect(actions.statistics()).toMatchObject({ notices: 12, withheld: 11 })
})
