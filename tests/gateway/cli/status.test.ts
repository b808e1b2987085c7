import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { renderStatus } from '../../../gateway/cli/status.ts'
import type { GatewayStatus } from '../../../gateway/status.ts'
import { PilotCa } from '../../../cloud-sync/enrol/ca.ts'
import { importFile, requestFile } from '../../../cloud-sync/enrol/enrol.ts'
import { runGateway, siteFile } from '../../support/gateways.ts'
import { mosquitto } from '../../support/mosquitto.ts'
import { tempFolder } from '../../support/resources.ts'
import { itWith } from '../../support/tools.ts'
import { base, watch } from '../../support/uplinks.ts'

const now = Date.UTC(2026, 5, 1)
const [hourMs, dayMs] = [3_600_000, 86_400_000]

const quiet: GatewayStatus = {
  gateway: 'hall-1', region: '420106', timezone: 'Asia/Shanghai', version: '1', pid: 1, startedAt: now - 5_000, now, timeQuality: 'synced', epoch: '00000001-0000000a', rssMb: 80,
  counters: { readings: 0, events: 0, alerts: 0, suppressed: 0, summarised: 0, repeated: 0, unmapped: 0, refused: 0 },
  journal: { commits: 0, records: 0, readings: 0, bytesWritten: 0, gaps: 0, deadLetters: 0, quarantined: 0, fsyncMsP50: 0, fsyncMsP99: 0, fill: 0, streams: {}, heads: {} },
  history: null, commands: null, rules: { rules: 0, waiting: 0, quarantined: [] },
  channels: [],
  actions: { written: 0, failed: 0, expired: 0, refused: 0, limited: 0, published: 0, unpublished: 0, notices: 0, withheld: 0, underWay: 0 }, connections: [], devices: [], uplinks: [], alerts: [],
  alarms: { open: { 1: 0, 2: 0, 3: 0, 4: 0 }, waiting: 0, flood: null, shelved: 0, suppressed: 0, standing: 0, chattering: 0, day: { alerts: 0, raised: 0, peakPer10Min: 0 } },
  eventLog: { recorded: 0, lost: 0, damaged: 0, bytes: 0, maxBytes: 134_217_728, oldest: null, paused: false },
}
const uplink: GatewayStatus['uplinks'][number] = { id: 'city', state: 'online', protocol: 5, since: now, sent: 9, acked: 9, rejected: 0, resent: 0, reconnects: 0, inFlight: 0, backlog: { alert: { records: 0, bytes: 0, oldestAt: null } } }
const certificate = { subject: 'CN=hall-1', serial: 'AB', validTo: now + 60 * dayMs, renewal: null }
const lines = (change: Partial<GatewayStatus>): string[] => renderStatus({ ...quiet, ...change }).split('\n').map((line) => line.trim())
const history = { readings: 0, ticks: 0, lost: 0, damaged: 0, bytes: 120_000_000, maxBytes: 268_435_456, bytesWritten: 0, paused: false, oldest: { minutes: now - 30 * dayMs - 2 * hourMs, raw: now - 6 * dayMs } }

describe('the text of linli status', () => {
  it('says how far the history reaches back and what it fills', () => {
    expect(lines({ history })).toContain('history: minutes of 30 d 2 h, every reading of 6 d 0 h, 120 of 268 MB')
    expect(lines({ history: { ...history, bytes: 0, oldest: { minutes: null, raw: null } } })).toContain('history: minutes of –, every reading of –, 0.0 of 268 MB')
    expect(lines({ history: { ...history, lost: 7, damaged: 1, paused: true } })).toContainEqual(expect.stringMatching(/^history: .*, 7 readings lost, 1 files damaged, paused: the disk is failing or full$/))
    expect(lines({})).toContain('history: off')
  })
  it('tells alarms in figures, and what the event log keeps', () => {
    const { alarms, eventLog } = quiet
    expect(lines({})).toEqual(expect.arrayContaining(['alarms: 0 open; in 24 h 0 alerts raised 0 times, at most 0 in 10 min', 'event log: nothing yet, 0 written since the start, 0.0 of 134 MB']))
    expect(lines({ alarms: { ...alarms, open: { 1: 1, 2: 0, 3: 2, 4: 0 }, waiting: 2, shelved: 1, standing: 1, flood: { since: now - hourMs, count: 14 }, day: { alerts: 5, raised: 9, peakPer10Min: 4 } } }))
      .toEqual(expect.arrayContaining(['alarms: 1 特急 critical, 2 重要 important open, 2 waiting, 1 shelved, 1 for more than a day; in 24 h 5 alerts raised 9 times, at most 4 in 10 min', '报警过多 / flood: 14 new since 2026-05-31T23:00:00.000Z']))
    expect(lines({ eventLog: { ...eventLog, recorded: 120, lost: 3, damaged: 1, bytes: 2_400_000, oldest: now - 30 * dayMs, paused: true } })).toContain('event log: from 2026-05-02, 120 written since the start, 2.4 of 134 MB, 3 lost, 1 lines damaged, paused: the disk is failing or full')
  })
  it('counts commands where some are taken', () => {
    expect(lines({ commands: { received: 9, accepted: 5, done: 3, failed: 1, expired: 1, rejected: 4, repeated: 2, running: 1 } })).toContain('commands: accepted 5  done 3  failed 1  expired 1  rejected 4  running 1')
    expect(lines({}).filter((line) => line.startsWith('commands'))).toEqual([])
  })
  it('counts rules where there are some, and names those that failed', () => {
    expect(lines({ rules: { rules: 12, waiting: 2, quarantined: [] } })).toContain('rules: 12, 2 waiting')
    expect(lines({ rules: { rules: 12, waiting: 0, quarantined: [{ id: 'freezer', at: now, code: 'INTERNAL', detail: 'no such thing' }] }, actions: { ...quiet.actions, written: 3, limited: 1 } }))
      .toEqual(expect.arrayContaining(['rules: 12, 0 waiting  written 3  too often 1', 'rule freezer failed and is set aside: no such thing (INTERNAL)']))
    expect(lines({}).filter((line) => line.startsWith('rules'))).toEqual([])
  })
  it('says what waits for the platform\'s word, and since when', () => {
    expect(lines({ uplinks: [{ ...uplink, confirmations: { waiting: 12, oldestAt: now - 3 * 60_000, confirmed: 120, ignored: 0 } }] })).toContain('for the platform\'s word: 12, the oldest of 3 min ago  confirmed 120')
    expect(lines({ uplinks: [{ ...uplink, confirmations: { waiting: 0, oldestAt: null, confirmed: 120, ignored: 0 } }] })).toContain('for the platform\'s word: 0  confirmed 120')
    expect(lines({ uplinks: [uplink] }).filter((line) => line.startsWith('for the') || line.startsWith('certificate'))).toEqual([])
  })
  it('says until when the certificate is valid and how it is renewed', () => {
    const line = (change: object): string | undefined => lines({ uplinks: [{ ...uplink, certificate: { ...certificate, ...change } }] }).find((each) => each.startsWith('certificate'))
    expect(line({})).toBe('certificate CN=hall-1 until 2026-07-31, 60 d 0 h; renewed by hand')
    expect(line({ renewal: { at: now + 30 * dayMs } })).toBe('certificate CN=hall-1 until 2026-07-31, 60 d 0 h; renewed by itself from 2026-07-01')
    expect(line({ validTo: now + 2 * dayMs, renewal: { at: now - dayMs, lastError: 'ENROL_UNREACHABLE' } })).toBe('certificate CN=hall-1 until 2026-06-03, 2 d 0 h; renewed by itself now, last try ENROL_UNREACHABLE')
    expect(line({ validTo: now - dayMs })).toBe('certificate CN=hall-1 ended 2026-05-31; renewed by hand')
  })
})

describe('the status of a running gateway', () => {
  itWith('mosquitto')('has history, commands, confirmations and the certificate in it', { timeout: 30_000 }, async () => {
    const folder = await tempFolder()
    const ca = await PilotCa.init(path.join(folder, 'ca'), { name: 'Test root', days: 100, now: Date.now() })
    const at = (name: string): string => path.join(folder, name)
    const box = { gateway: 'hall-1', region: '420106', files: { cert: at('c.pem'), key: at('k.pem'), ca: at('ca.pem') }, now: Date.now() }
    await importFile(box, (await ca.issue(await requestFile(box), { days: 90, now: Date.now() })).toString(), ca.pem)
    const broker = await mosquitto()
    const file = await siteFile(folder, ['uplinks:', `  - { id: city, url: "${broker.url}", confirm: true, commands: { actors: [duty] }, cert: c.pem, key: k.pem, renew: { url: "https://127.0.0.1:1" } }`])
    const gateway = await runGateway(file)
    const city = await watch(broker.url)
    await expect.poll(async () => (await gateway.status()).uplinks[0]!.confirmations?.waiting, { timeout: 10_000 }).toBeGreaterThan(0)
    await city.publish(`${base}/cmd/req`, JSON.stringify({ id: 'c-1', actor: 'duty', issuedat: new Date().toISOString(), point: 'no.point', value: true }))
    await city.publish(`${base}/cmd/req`, JSON.stringify({ id: 'c-2', actor: 'stranger', issuedat: new Date().toISOString(), point: 'no.point', value: true }))
    await expect.poll(async () => (await gateway.status()).commands, { timeout: 10_000 }).toMatchObject({ received: 2, rejected: 2, accepted: 0, running: 0 })
    const status = await gateway.status()
    expect(status.uplinks[0]).toMatchObject({ confirmations: { oldestAt: expect.any(Number) }, certificate: { subject: 'CN=hall-1', renewal: { at: expect.any(Number) } } })
    expect(Date.now() - status.uplinks[0]!.confirmations!.oldestAt!).toBeLessThan(30_000)
    expect(status.history).toMatchObject({ readings: 0, maxBytes: 268_435_456, bytes: expect.any(Number) })
    // Null, or the tick of a minute that turned meanwhile.
    expect(status.history!.oldest.raw ?? Date.now()).toBeGreaterThan(Date.now() - 60_000)
    const text = renderStatus(status)
    expect(text).toMatch(/certificate CN=hall-1 until 20\d\d-\d\d-\d\d, 89 d \d+ h; renewed by itself from 20/)
    expect(text).toMatch(/for the platform's word: [1-9]\d*, the oldest of 0 min ago/)
    expect(text).toContain('commands: accepted 0  done 0  failed 0  expired 0  rejected 2  running 0')
  })
})
