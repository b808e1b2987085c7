import { describe, expect, it, onTestFinished } from 'vitest'
import type { ConnectionConfig, Intake, Journal } from '../../gateway/contract/index.ts'
import { silentLog, StoreError, systemClock } from '../../gateway/kit/index.ts'
import { Feed, type FeedItem } from '../../gateway/feed.ts'
import { LiveValues } from '../../gateway/live.ts'
import { memoryKey, Pipeline } from '../../gateway/pipeline.ts'
import { Repeats } from '../../gateway/repeats.ts'
import { TelemetryBranch } from '../../gateway/telemetry.ts'
import { TimeKeeper } from '../../gateway/time.ts'
import { createAlertDesk, createEngine } from '../../rules/index.ts'
import { contentOf, drain, journalIn } from '../support/journals.ts'
import { device, point } from '../support/points.ts'
import { tempFolder } from '../support/resources.ts'
import { rulesOf } from '../support/rules.ts'
import { usualAlerts } from '../support/alerts.ts'

const connection: ConnectionConfig = { id: 'line', driver: 'fake', settings: {}, devices: [device('hall', [point({ id: 'hall.t', scale: 0.1, deadband: 1 })]), device('kiosk', [point({ id: 'kiosk.paper' })])] }

async function pipeline(wrap: (journal: Journal) => Journal = (journal) => journal) {
  const journal = await journalIn(await tempFolder())
  const reader = await journal.reader('city', { from: 'start' })
  const live = new LiveValues([connection])
  const engine = createEngine(rulesOf({ rules: [{ id: 'hot', kind: 'threshold', point: 'hall.t', above: 30, severity: 2, title: { zh: '热', en: 'hot' } }] }))
  const feed = new Feed()
  const seen: FeedItem[] = []
  feed.subscribe((item) => seen.push(item))
  const parts = {
    journal: wrap(journal), live, telemetry: new TelemetryBranch(live.points), repeats: new Repeats(), engine, desk: createAlertDesk({ config: usualAlerts, newId: () => 'alert-1' }), feed, time: new TimeKeeper(systemClock, () => true), clock: systemClock, log: silentLog(),
  }
  const line = new Pipeline(parts)
  line.start()
  onTestFinished(() => line.stop())
  const accept = (intake: Omit<Intake, 'settled'>): Promise<string> => new Promise((resolve) => line.accept('line', { ...intake, settled: resolve }))
  return { journal, reader, live, line, accept, seen, parts }
}
const sample = (raw: number, at = Date.now()) => ({ pointId: 'hall.t', raw, at, quality: 'good' as const })
const session = (sourceId: string) => ({ deviceId: 'kiosk', type: 'kiosk' as const, at: Date.now(), data: { n: 1 }, sourceId })

describe('the pipeline', () => {
  it('scales a sample, shows it at once, and says "stored" when it is on disk', async () => {
    const { accept, live, reader } = await pipeline()
    const settled = accept({ samples: [sample(215)] })
    expect(live.read('hall.t')).toMatchObject({ value: 21.5 })
    expect(await settled).toBe('stored')
    expect((await drain(reader, 'telemetry')).flatMap((record) => contentOf(record).readings)).toEqual([['hall.t', 21.5]])
  })
  it('puts an alert and the reading that raised it into one commit, and shows both', async () => {
    const { accept, journal, reader, seen } = await pipeline()
    const before = journal.statistics().commits
    await accept({ samples: [sample(310)] })
    expect(journal.statistics().commits - before).toBe(1)
    expect((await drain(reader, 'alert')).map((record) => contentOf(record).data)).toMatchObject([{ state: 'raised', rule: 'hot', severity: 2 }])
    expect(seen.map((item) => item.kind)).toEqual(['reading', 'event'])
    expect(await journal.state.entries('alert/')).toHaveLength(1)
  })
  it('keeps what a driver remembers in the commit that holds its reading', async () => {
    const { accept, journal } = await pipeline()
    const before = journal.statistics().commits
    await accept({ samples: [sample(215)], remember: { 'count/water': 1_207 } })
    expect(journal.statistics().commits - before).toBe(1)
    expect(await journal.state.get(memoryKey('line', 'count/water'))).toBe(1_207)
  })
  it('lets rules see what the deadband keeps from the city', async () => {
    const { accept, parts, reader } = await pipeline()
    await accept({ samples: [sample(299)] })
    await accept({ samples: [sample(301)] })
    expect(parts.telemetry.suppressed).toBe(1)
    expect(await drain(reader, 'telemetry')).toHaveLength(1)
    expect(await drain(reader, 'alert')).toHaveLength(1)
  })
  it('takes a device\'s event once, however often it is sent', async () => {
    const { accept, parts, reader } = await pipeline()
    const outcomes = await Promise.all([accept({ samples: [], occurrences: [session('a')] }), accept({ samples: [], occurrences: [session('a')] }), accept({ samples: [], occurrences: [session('b')] })])
    expect(outcomes).toEqual(['stored', 'stored', 'stored'])
    expect(parts.repeats.dropped).toBe(1)
    expect(await drain(reader, 'event')).toHaveLength(2)
  })
  it('says "refused" when the store would not take it, and takes the same event when it is sent again', async () => {
    let failing = true
    const { accept, line, reader } = await pipeline((journal) => new Proxy(journal, {
      get(target, key) {
        if (key === 'commit' && failing) return () => Promise.reject(new StoreError('JOURNAL_OVERLOADED', 'full', { retriable: true }))
        const value: unknown = Reflect.get(target, key, target)
        return typeof value === 'function' ? (value as () => void).bind(target) : value
      },
    }))
    expect(await accept({ samples: [], occurrences: [session('a')] })).toBe('refused')
    line.accept('line', { samples: [sample(215)] })
    await expect.poll(() => line.counters.refused).toBe(2)
    failing = false
    expect(await accept({ samples: [], occurrences: [session('a')] })).toBe('stored')
    // The polled change that nobody will send again is declared, not forgotten.
    await expect.poll(async () => (await reader.take('event', 10)).map((record) => contentOf(record)).map(({ type, data }) => [type, data.action ?? data.device, data.readings])).toEqual([['kiosk', 'kiosk', undefined], ['gateway', 'readings-refused', 1]])
  })
  it('counts what no point is for', async () => {
    const { accept, line } = await pipeline()
    expect(await accept({ samples: [{ ...sample(1), pointId: 'nobody.knows' }] })).toBe('stored')
    expect(line.counters.unmapped).toBe(1)
  })
  it('reports a device\'s state once for each change', async () => {
    const { accept, reader } = await pipeline()
    const status = { deviceId: 'hall', at: 1 }
    await accept({ samples: [], devices: [{ ...status, state: 'online' }, { ...status, state: 'online' }, { ...status, state: 'offline', reason: 'MODBUS_TIMEOUT' }] })
    expect((await drain(reader, 'event')).map((record) => contentOf(record).data)).toMatchObject([{ state: 'online' }, { state: 'offline', reason: 'MODBUS_TIMEOUT' }])
  })
})
