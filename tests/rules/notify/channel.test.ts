import { mkdtemp } from 'node:fs/promises'
import path from 'node:path'
import { tmpdir } from 'node:os'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createEncoder } from '../../../cloud-sync/envelope.ts'
import { decodeRecord } from '../../../cloud-sync/decode.ts'
import type { Clock, GatewayEvent, Journal, JsonObject, Mode } from '../../../gateway/contract/index.ts'
import { FakeClock, readSecret, silentLog, systemClock } from '../../../gateway/kit/index.ts'
import { openJournal } from '../../../gateway/store/index.ts'
import type { Receipt } from '../../../rules/notify/channel.ts'
import { openChannels, readerName, type ChannelConfig, type ChannelsParts, type RunningChannels } from '../../../rules/notify/index.ts'
import { runUntil } from '../../support/clocks.ts'
import { json, receiver, type Receiver } from '../../support/receivers.ts'
import { tempFolder } from '../../support/resources.ts'
import { around, channel, secret } from './support.ts'

const encoder = createEncoder({ gateway: 'hall-1', region: '420106', maxMessageBytes: 65_536, timeQuality: () => 'synced' })

async function journalAt(folder: string, clock: Clock): Promise<Journal> {
  const journal = await openJournal({ folder: path.join(folder, 'journal'), encoder, clock: systemClock, random: Math.random, log: silentLog(), commitMs: 1, maxBytes: 1 << 28, shares: {}, selections: [], failing: () => {} })
  onTestFinished(() => journal[Symbol.asyncDispose]())
  void clock
  return journal
}

const alert = (n: number, at: number, data: JsonObject = {}, mode?: Mode): GatewayEvent => ({
  stream: 'alert', type: 'alert', at, subject: `${n}`, ...(mode ? { mode } : {}),
  data: { id: `${n}`, key: `k${n}`, rule: 'smoke', severity: 2, title: { zh: `警情${n}。`, en: `alert ${n}.` }, state: 'raised', phase: 'raised', condition: 'active', count: 1, raisedAt: at, notify: ['duty'], ...data },
})

interface Life { readonly channels: RunningChannels; readonly receipts: Receipt[]; readonly conditions: string[]; stop(): Promise<void> }

async function start(journal: Journal, configs: readonly ChannelConfig[], clock: Clock, overrides: Partial<ChannelsParts> = {}): Promise<Life> {
  const receipts: Receipt[] = []
  const conditions: string[] = []
  const channels = await openChannels(configs, {
    journal, clock, random: () => 0.5, log: silentLog(), around, readSecret, decode: decodeRecord, receipts: (some) => receipts.push(...some),
    conditions: { raise: ({ key }) => { conditions.push(`+${key}`) }, clear: (key) => { if (conditions.at(-1) === `+${key}`) conditions.push(`-${key}`) } }, ...overrides,
  })
  const stop = new AbortController()
  const running = channels.run(stop.signal)
  const life = { channels, receipts, conditions, stop: () => { stop.abort(); return running } }
  // Not awaited: under a fake clock its last wait ends with the process.
  onTestFinished(() => { stop.abort() })
  return life
}

const hook = (url: string, settings: object = {}): ChannelConfig => channel('webhook', { url, body: '{"id":"{id}","count":{count},"text":"{text}"}', ...settings })
const told = ({ received }: Receiver): string[] => received.map(({ body }) => { const { id, count } = JSON.parse(body) as { id: string; count: number }; return count === 1 ? id : `${id}+${count - 1}` })
const notes = (receipts: readonly Receipt[]): string[] => receipts.map(({ alert: id, entry }) => `${id} ${entry.what}${entry.data?.code ? ` ${entry.data.code as string}` : ''}`)
const commit = (journal: Journal, ...events: readonly GatewayEvent[]): Promise<void> => journal.commit({ events, urgent: true })

describe('a channel', () => {
  it('delivers in order what names it, as grave as it takes, and never a receipt', async () => {
    const service = await receiver()
    const clock = systemClock
    const journal = await journalAt(await tempFolder(), clock)
    const { receipts } = await start(journal, [hook(service.url, { minSeverity: 2 })], clock)
    const now = Date.now()
    await commit(journal, alert(1, now), alert(2, now, { notify: ['other'] }), alert(3, now, { severity: 3 }), alert(4, now, { state: 'delivered' }))
    await commit(journal, alert(5, now, { state: 'notice', severity: 4, text: { zh: '停水', en: 'no water' } }), alert(6, now, { notify: 'duty' }), alert(7, now, { severity: 1, state: 'escalated' }), { ...alert(8, now), type: 'gateway' })
    await expect.poll(() => told(service)).toEqual(['1', '', '7'])
    await expect.poll(() => notes(receipts)).toEqual(['1 delivered', '7 delivered'])
    expect(receipts[0]!.entry.data).toEqual({ channel: 'duty' })
  })
  it('says TEST before everything', async () => {
    const service = await receiver()
    const journal = await journalAt(await tempFolder(), systemClock)
    await start(journal, [hook(service.url, { language: 'both' })], systemClock)
    await commit(journal, alert(1, Date.now(), {}, 'test'))
    await expect.poll(() => service.received.length).toBe(1)
    const { text } = JSON.parse(service.received[0]!.body) as { text: string }
    expect(text).toMatch(/^【测试】【紧急】警情1。\n[^]*\n\n\[TEST\] \[urgent\] alert 1\.\n/)
    expect(text).toContain('这是一次测试，无需行动。')
  })
  it('tries again, longer each time, then goes on in order; five that waited go one by one', async () => {
    const clock = new FakeClock(Date.now())
    const service = await receiver(() => ({ status: 503 }))
    const journal = await journalAt(await tempFolder(), clock)
    const { receipts, channels, conditions } = await start(journal, [hook(service.url)], clock)
    await commit(journal, ...[1, 2, 3, 4, 5].map((n) => alert(n, clock.now())))
    const attempts: number[] = []
    for (let n = 1; n <= 5; n++) { await runUntil(clock, () => service.received.length >= n, { stepMs: 25 }); attempts.push(clock.monotonic()) }
    const gaps = attempts.slice(1).map((at, index) => at - attempts[index]!)
    for (const [index, gap] of gaps.entries()) expect(gap).toBeGreaterThanOrEqual(500 * 2 ** index - 25)
    expect(channels.status()).toMatchObject([{ state: 'failing', waiting: 5, lastError: 'NOTIFY_BUSY' }])
    service.answer = () => ({})
    service.received.length = 0
    await runUntil(clock, () => service.received.length === 5)
    await runUntil(clock, () => receipts.length === 5)
    expect(told(service)).toEqual(['1', '2', '3', '4', '5'])
    expect(channels.status()).toMatchObject([{ sent: 5, delivered: 5, undelivered: 0, waiting: 0 }])
    expect(conditions).toEqual([])
  })
  it('after a long silence tells the house that it fails, and that it is over', async () => {
    const clock = new FakeClock(Date.now())
    const service = await receiver(() => ({ status: 503 }))
    const journal = await journalAt(await tempFolder(), clock)
    const { conditions } = await start(journal, [hook(service.url)], clock)
    await commit(journal, alert(1, clock.now()))
    await runUntil(clock, () => conditions.length > 0, { stepMs: 1_000 })
    service.answer = () => ({})
    await runUntil(clock, () => conditions.includes('-notify/duty/failing'), { stepMs: 1_000 })
    expect(conditions[0]).toBe('+notify/duty/failing')
  })
  it('gives up what is refused for good, at once and aloud, and goes on', async () => {
    const service = await receiver(({ body }) => (body.includes('警情2') ? { status: 422 } : {}))
    const journal = await journalAt(await tempFolder(), systemClock)
    const { receipts, conditions } = await start(journal, [hook(service.url)], systemClock)
    await commit(journal, ...[1, 2, 3].map((n) => alert(n, Date.now())))
    await expect.poll(() => notes(receipts)).toEqual(['1 delivered', '2 undelivered NOTIFY_REFUSED', '3 delivered'])
    expect(conditions).toEqual(['+notify/duty/failing', '-notify/duty/failing'])
  })
  it('of a message of many that is refused for one, loses the one', async () => {
    const service = await receiver(({ body }) => (body.includes('警情7。') ? { status: 422 } : {}))
    const clock = new FakeClock(Date.now())
    const journal = await journalAt(await tempFolder(), clock)
    await openChannels([hook(service.url)], { journal, clock, random: () => 0.5, log: silentLog(), around, readSecret, decode: decodeRecord, receipts: () => {}, conditions: { raise: () => {}, clear: () => {} } })
    await commit(journal, ...Array.from({ length: 10 }, (_, index) => alert(index + 1, clock.now())))
    const { receipts } = await start(journal, [hook(service.url)], clock)
    await runUntil(clock, () => receipts.length === 10, { stepMs: 500 })
    expect(notes(receipts).filter((note) => !note.endsWith(' delivered'))).toEqual(['7 undelivered NOTIFY_REFUSED'])
  })
  it('sends what is beyond its rate as one message, the gravest first', async () => {
    const clock = new FakeClock(Date.now())
    const service = await receiver()
    const journal = await journalAt(await tempFolder(), clock)
    const { receipts } = await start(journal, [hook(service.url, { perMinute: 3 })], clock)
    for (let n = 1; n <= 3; n++) { await commit(journal, alert(n, clock.now() + n)); await runUntil(clock, () => service.received.length === n) }
    const last = clock.monotonic()
    await commit(journal, ...Array.from({ length: 30 }, (_, index) => alert(100 + index, clock.now() + index, index === 20 ? { severity: 1 } : {})))
    await runUntil(clock, () => service.received.length === 4, { stepMs: 500 })
    expect(clock.monotonic() - last).toBeGreaterThan(55_000)
    await runUntil(clock, () => receipts.length === 33)
    expect(told(service)).toEqual(['1', '2', '3', '120+29'])
    const { text } = JSON.parse(service.received[3]!.body) as { text: string }
    expect(text).toMatch(/^【特急】警情120。；另有 29 条\n共 30 条消息：\n1\. 【特急】警情120。[^]*\n10\. 【紧急】警情108。[^\n]*\n另有 20 条\n来自：江岸社区服务站$/)
  })
  it('sends what a flood left waiting as one message', async () => {
    const service = await receiver()
    const journal = await journalAt(await tempFolder(), systemClock)
    const { receipts } = await start(journal, [hook(service.url)], systemClock)
    await commit(journal, ...Array.from({ length: 200 }, (_, index) => alert(index, Date.now())))
    await expect.poll(() => receipts.length).toBe(200)
    expect(service.received.length).toBeLessThanOrEqual(3)
  })
  it('notes one receipt an alert, however many of its steps a message told', async () => {
    const clock = new FakeClock(Date.now())
    const service = await receiver()
    const journal = await journalAt(await tempFolder(), clock)
    await openChannels([hook(service.url)], { journal, clock, random: () => 0.5, log: silentLog(), around, readSecret, decode: decodeRecord, receipts: () => {}, conditions: { raise: () => {}, clear: () => {} } })
    await commit(journal, ...['raised', 'escalated', 'escalated', 'acknowledged', 'cleared', 'resolved', 'closed'].map((state) => alert(1, clock.now(), { state })))
    const { receipts } = await start(journal, [hook(service.url)], clock)
    await runUntil(clock, () => receipts.length > 0)
    expect(told(service)).toEqual(['1+6'])
    expect(notes(receipts)).toEqual(['1 delivered'])
  })
  it('gives up what is too old, and says so', async () => {
    const clock = new FakeClock(Date.now())
    const service = await receiver(() => ({ status: 503 }))
    const journal = await journalAt(await tempFolder(), clock)
    const { receipts, channels } = await start(journal, [hook(service.url, { maxAge: '10m' })], clock)
    await commit(journal, alert(1, clock.now()))
    await runUntil(clock, () => receipts.length > 0, { stepMs: 5_000 })
    expect(notes(receipts)).toEqual(['1 undelivered NOTIFY_TOO_OLD'])
    service.answer = () => ({})
    service.received.length = 0
    await commit(journal, alert(2, clock.now()))
    await runUntil(clock, () => receipts.length > 1, { stepMs: 500 })
    expect(told(service)).toEqual(['2'])
    expect(channels.status()).toMatchObject([{ undelivered: 1, delivered: 1 }])
  })
  it('does not take a clock that was set for age', async () => {
    const clock = new FakeClock(Date.UTC(2020, 0, 1))
    const service = await receiver(() => ({ status: 503 }))
    const journal = await journalAt(await tempFolder(), clock)
    const { receipts } = await start(journal, [hook(service.url)], clock)
    await commit(journal, alert(1, clock.now()))
    await runUntil(clock, () => service.received.length > 0)
    clock.step(6 * 365 * 86_400_000)
    service.answer = () => ({})
    await runUntil(clock, () => receipts.length > 0)
    expect(notes(receipts)).toEqual(['1 delivered'])
  })
  it('calls people by their numbers, and goes without when a number cannot be read', async () => {
    const service = await receiver(() => json({ errcode: 0 }))
    const journal = await journalAt(await tempFolder(), systemClock)
    const phone = await secret('138 0013-8000')
    const robot = channel('wecom', { token: await secret('k'), baseUrl: service.url })
    await start(journal, [robot], systemClock, { phoneOf: (person) => (person === 'wang' ? phone : person === 'li' ? { file: '/nowhere' } : undefined) })
    await commit(journal, alert(1, Date.now(), { mention: ['wang', 'li', 'zhao'] }))
    await expect.poll(() => service.received.map(({ body }) => (JSON.parse(body) as { text: { mentioned_mobile_list: string[] } }).text.mentioned_mobile_list)).toEqual([['13800138000']])
  })
  it('waits for a secret that is not there yet', async () => {
    const clock = new FakeClock(Date.now())
    const service = await receiver(() => json({ errcode: 0 }))
    const journal = await journalAt(await tempFolder(), clock)
    const file = path.join(await mkdtemp(path.join(tmpdir(), 'linli-test-')), 'token')
    let there = false
    const { receipts, channels } = await start(journal, [channel('wecom', { token: { file }, baseUrl: service.url })], clock, { readSecret: (ref) => (there ? Promise.resolve('k') : readSecret(ref)) })
    await commit(journal, alert(1, clock.now()))
    await runUntil(clock, () => channels.status()[0]!.lastError === 'CONFIG_SECRET_MISSING')
    there = true
    await runUntil(clock, () => receipts.length > 0)
    expect(notes(receipts)).toEqual(['1 delivered'])
  })
  it('tries on demand, past the queue and within its rate', async () => {
    const service = await receiver()
    const journal = await journalAt(await tempFolder(), systemClock)
    const { channels } = await start(journal, [hook(service.url, { perMinute: 1 })], systemClock)
    const signal = new AbortController().signal
    expect(await channels.test('duty', signal)).toMatchObject({ channel: 'duty', ok: true })
    expect(service.received[0]!.body).toContain('【测试】【通知】通知通道测试')
    expect(await channels.test('duty', signal)).toMatchObject({ ok: false, code: 'NOTIFY_RATE_LIMITED' })
    await expect(channels.test('dutty', signal)).rejects.toMatchObject({ code: 'NOTIFY_CHANNEL_UNKNOWN', message: expect.stringContaining('did you mean "duty"') })
  })
  it('that is dead does not hold up another', async () => {
    const [dead, well] = [await receiver(() => () => {}), await receiver()]
    const journal = await journalAt(await tempFolder(), systemClock)
    await start(journal, [hook(dead.url), { ...hook(well.url), id: 'boss' }], systemClock)
    await commit(journal, ...[1, 2].map((n) => alert(n, Date.now(), { notify: ['duty', 'boss'] })))
    await expect.poll(() => told(well)).toEqual(['1', '2'])
  })
})

describe('over restarts', () => {
  it('nothing is lost and at most what was in the air comes twice', async () => {
    const folder = await tempFolder()
    const service = await receiver()
    const total = 60
    let written = 0
    for (let life = 0; written < total; life++) {
      const journal = await openJournal({ folder: path.join(folder, 'journal'), encoder, clock: systemClock, random: Math.random, log: silentLog(), commitMs: 1, maxBytes: 1 << 28, shares: {}, selections: [], failing: () => {} })
      const { stop } = await start(journal, [hook(service.url, { perMinute: 600 })], systemClock)
      if (life === 0) await journal.forget([readerName('duty')])
      for (let n = 0; n < 6; n++) { await commit(journal, alert(written++, Date.now())); if (n % 2 === 0) await new Promise((resolve) => setImmediate(resolve)) }
      await stop()
      await journal[Symbol.asyncDispose]()
    }
    const journal = await journalAt(folder, systemClock)
    await start(journal, [hook(service.url, { perMinute: 600 })], systemClock)
    const seen = (): Set<string> => new Set(service.received.flatMap(({ body }) => [...body.matchAll(/警情(\d+)。/g)].map(([, n]) => n!)))
    await expect.poll(() => seen().size).toBe(total)
    // A stop lets what is in the air arrive: nothing twice.
    expect(service.received.flatMap(({ body }) => [...(JSON.parse(body) as { text: string }).text.matchAll(/^(?:【紧急】|\d+\. 【紧急】)警情(\d+)。(?!；)/gm)].map(([, n]) => n!)).length).toBe(total)
    await expect.poll(() => journal.reader(readerName('duty'), { streams: ['alert'] }).then((reader) => reader.backlog().alert!.records)).toBe(0)
  })
  it('a service that was away for a restart gets what is young enough', async () => {
    const folder = await tempFolder()
    const service = await receiver()
    await service.stop()
    const first = await openJournal({ folder: path.join(folder, 'journal'), encoder, clock: systemClock, random: Math.random, log: silentLog(), commitMs: 1, maxBytes: 1 << 28, shares: {}, selections: [], failing: () => {} })
    const life = await start(first, [hook(service.url)], systemClock)
    await commit(first, alert(1, Date.now() - 2 * 3_600_000), alert(2, Date.now() - 60_000), alert(3, Date.now()))
    await expect.poll(() => life.channels.status()[0]!.lastError).toBe('NOTIFY_UNREACHABLE')
    await life.stop()
    await first[Symbol.asyncDispose]()
    const again = await receiver(undefined, { port: service.port })
    const { receipts } = await start(await journalAt(folder, systemClock), [hook(again.url)], systemClock)
    await expect.poll(() => notes(receipts)).toEqual(['1 undelivered NOTIFY_TOO_OLD', '2 delivered', '3 delivered'])
    expect(told(again)).toEqual(['2', '3'])
  })
  it('a message in the air is let arrive', async () => {
    let release = (): void => {}
    const service = await receiver(() => (response) => { release = () => response.end('{}') })
    const journal = await journalAt(await tempFolder(), systemClock)
    const { stop, channels, receipts } = await start(journal, [hook(service.url)], systemClock)
    await commit(journal, alert(1, Date.now()))
    await expect.poll(() => service.received.length).toBe(1)
    const stopped = stop()
    release()
    await stopped
    expect(channels.status()).toMatchObject([{ state: 'stopped', delivered: 1 }])
    expect(notes(receipts)).toEqual(['1 delivered'])
  })
})
