import { createServer } from 'node:tls'
import { readFile, writeFile } from 'node:fs/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { expiryWarning } from '../../cloud-sync/certificates.ts'
import { UplinkConditions } from '../../cloud-sync/uplink-conditions.ts'
import { FakeClock, silentLog, type Logger } from '../../gateway/kit/index.ts'
import { authority, type Authority } from '../support/certificates.ts'
import { fastClock } from '../support/clocks.ts'
import { event } from '../support/journals.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { itWith } from '../support/tools.ts'
import { backlogOf, base, conditions, realJournal, startUplink, watch } from '../support/uplinks.ts'

const dayMs = 86_400_000
const withMosquitto = itWith('mosquitto')
/** A log whose warnings a test can read. */
function recording(lines: string[]): Logger {
  const log = silentLog()
  log.warn = ((_: object, text: string) => { lines.push(text) }) as typeof log.warn
  return log
}
const minuteFast = () => fastClock(60)

async function mutualBroker(city: Authority) {
  const server = await city.issue('server', '127.0.0.1')
  const broker = await mosquitto([`cafile ${city.ca}`, `certfile ${server.cert}`, `keyfile ${server.key}`, 'require_certificate true', 'use_identity_as_username true'])
  return { ...broker, authority: city.ca, url: `mqtts://127.0.0.1:${broker.port}` }
}

describe('the gateway\'s own certificate', () => {
  withMosquitto('opens the door, and a renewed one is taken within a minute without a restart and without being told offline', { timeout: 60_000 }, async () => {
    const city = await authority()
    const broker = await mutualBroker(city)
    const { cert, key } = await city.issue('gateway', 'hall-1', { days: 20 })
    const { journal, reader } = await realJournal()
    const told = conditions()
    const observer = await city.issue('observer', 'observer')
    const watcher = await watch(broker.url, 5, undefined, { tls: { ca: await readFile(city.ca), cert: await readFile(observer.cert), key: await readFile(observer.key) } })
    const { uplink } = startUplink(journal, reader, { url: broker.url, ca: city.ca, cert, key }, { clock: minuteFast(), conditions: told })
    await expect.poll(() => uplink.status().state, { timeout: 5_000 }).toBe('online')
    expect(told.raised.get('uplink/city/certificate')).toMatchObject({ severity: 4, data: { whose: 'gateway', subject: 'CN=hall-1' } })

    await journal.commit({ events: [event(1)], urgent: true })
    await city.issue('gateway', 'hall-1', { days: 400 })
    await expect.poll(() => uplink.status().reconnects, { timeout: 10_000 }).toBe(1)
    await expect.poll(() => uplink.status()).toMatchObject({ state: 'online', lastError: 'UPLINK_RENEWED' })
    expect(told.raised.has('uplink/city/certificate')).toBe(false)
    await expect.poll(() => backlogOf(reader)).toBe(0)
    await expect.poll(() => watcher.records.length).toBeGreaterThan(0)
    expect(JSON.parse(watcher.retained.get(`${base}/status`)!)).toMatchObject({ state: 'online', uplink: 'city' })
    expect(watcher.verifier.report()).toMatchObject({ holes: [], duplicates: 0 })
  })
  withMosquitto('of which only half was replaced does not end a connection that works', { timeout: 30_000 }, async () => {
    const city = await authority()
    const broker = await mutualBroker(city)
    const { cert, key } = await city.issue('gateway', 'hall-1')
    const { journal, reader } = await realJournal()
    const lines: string[] = []
    const { uplink } = startUplink(journal, reader, { url: broker.url, ca: city.ca, cert, key }, { clock: minuteFast(), log: recording(lines) })
    await expect.poll(() => uplink.status().state, { timeout: 5_000 }).toBe('online')
    const other = await city.issue('other', 'hall-1')
    await writeFile(cert, await readFile(other.cert))
    await expect.poll(() => lines.filter((line) => line.includes('do not belong together')).length, { timeout: 10_000 }).toBeGreaterThan(0)
    expect(uplink.status()).toMatchObject({ state: 'online', reconnects: 0 })
    await writeFile(key, await readFile(other.key))
    await expect.poll(() => uplink.status().reconnects, { timeout: 10_000 }).toBe(1)
  })
  withMosquitto('that the broker does not accept is named as the cause', async () => {
    const broker = await mutualBroker(await authority())
    const stranger = await authority()
    const { cert, key } = await stranger.issue('gateway', 'hall-1')
    const { journal, reader } = await realJournal()
    const { uplink } = startUplink(journal, reader, { url: broker.url, ca: broker.authority, cert, key })
    await expect.poll(() => uplink.status(), { timeout: 5_000 }).toMatchObject({ lastError: 'UPLINK_TLS', lastErrorDetail: expect.stringContaining('"cert"') })
  })
})

describe('the broker\'s certificate', () => {
  withMosquitto('is warned of when it ends soon', async () => {
    const city = await authority()
    const server = await city.issue('server', '127.0.0.1', { days: 0.5 })
    const broker = await mosquitto([`cafile ${city.ca}`, `certfile ${server.cert}`, `keyfile ${server.key}`])
    const { journal, reader } = await realJournal()
    const told = conditions()
    startUplink(journal, reader, { url: `mqtts://127.0.0.1:${broker.port}`, ca: city.ca }, { conditions: told })
    await expect.poll(() => told.raised.get('uplink/city/certificate')).toMatchObject({ severity: 2, data: { whose: 'broker', subject: '127.0.0.1', days: 0 } })
  })
  for (const [when, validity, code] of [['not valid yet', { fromDays: 2 }, 'CERT_NOT_YET_VALID'], ['expired', { fromDays: -3, days: -1 }, 'CERT_HAS_EXPIRED']] as const) {
    withMosquitto(`that is ${when} makes the error speak of the clock`, async () => {
      const city = await authority()
      const server = await city.issue('server', '127.0.0.1', validity)
      const broker = await mosquitto([`cafile ${city.ca}`, `certfile ${server.cert}`, `keyfile ${server.key}`])
      const { journal, reader } = await realJournal()
      const { uplink } = startUplink(journal, reader, { url: `mqtts://127.0.0.1:${broker.port}`, ca: city.ca }, { timeQuality: () => 'unsynced' })
      await expect.poll(() => uplink.status(), { timeout: 5_000 }).toMatchObject({ lastError: 'UPLINK_TLS' })
      expect(uplink.status().lastErrorDetail).toMatch(new RegExp(`${code}.*gateway's time is 20.*unsynced.*clock`))
    })
  }
  it('counts for nothing below TLS 1.2', async () => {
    const city = await authority()
    const { cert, key } = await city.issue('server', '127.0.0.1')
    const server = createServer({ cert: await readFile(cert), key: await readFile(key), minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' })
    server.on('tlsClientError', () => {})
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
    onTestFinished(() => { server.close() })
    const { journal, reader } = await realJournal()
    const { uplink } = startUplink(journal, reader, { url: `mqtts://127.0.0.1:${(server.address() as { port: number }).port}`, ca: city.ca })
    await expect.poll(() => uplink.status(), { timeout: 5_000 }).toMatchObject({ lastError: 'UPLINK_TLS' })
    expect(uplink.status().sent).toBe(0)
  })
})

describe('a warning', () => {
  const at = Date.UTC(2026, 5, 1)
  const ending = (days: number) => ({ whose: 'gateway' as const, subject: 'CN=hall-1', validTo: at + days * dayMs })
  it('comes 30, 7 and 1 days ahead, and is about the certificate that ends first', () => {
    expect([31, 30, 8, 7, 2, 1, 0.5, -1].map((days) => expiryWarning([ending(400), ending(days)], at)?.severity ?? null)).toEqual([null, 4, 4, 3, 3, 2, 2, 2])
    expect(expiryWarning([ending(20), { ...ending(3), subject: 'CN=root' }], at)).toMatchObject({ subject: 'CN=root', days: 3 })
    expect(expiryWarning([], at)).toBeNull()
  })
  it('grows more serious as the day comes, goes with a renewal, and is not given by a clock that nobody set', async () => {
    const clock = new FakeClock(at)
    const said: string[] = []
    const state = { quality: 'synced' as 'synced' | 'unsynced' }
    const road = new UplinkConditions({ id: 'city', clock, timeQuality: () => state.quality, conditions: { raise: ({ key, severity }) => said.push(`raise ${key} ${severity}`), clear: (key) => said.push(`clear ${key}`) } })
    state.quality = 'unsynced'
    road.certificates([ending(5)])
    expect(said).toEqual([])
    state.quality = 'synced'
    for (let day = 0; day < 40; day++) { road.certificates([ending(35)]); await clock.advance(dayMs) }
    road.certificates([ending(400)])
    const key = 'uplink/city/certificate'
    expect(said.filter((line) => line.startsWith('raise'))).toEqual([4, 3, 2, 2].map((severity) => `raise ${key} ${severity}`))
    expect(said.at(-1)).toBe(`clear ${key}`)
  })
})
