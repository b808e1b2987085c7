import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { Audit } from '../../../gateway/console/audit.ts'
import { claimMs, newClaim, takeClaim } from '../../../gateway/console/claim.ts'
import { Delays, keysOf } from '../../../gateway/console/delays.ts'
import { RateLimit } from '../../../gateway/console/rate.ts'
import { Sessions } from '../../../gateway/console/sessions.ts'
import { FakeClock, silentLog } from '../../../gateway/kit/index.ts'
import { tempFolder } from '../../support/resources.ts'

const waitOf = (delays: Delays, keys: ReturnType<typeof keysOf>): number => {
  try { delays.check(keys); return 0 } catch (error) { return (error as { values: { retryAfterMs: number } }).values.retryAfterMs }
}

describe('delays after wrong tries', () => {
  it('grow to fifteen minutes for an address elsewhere, and to three seconds for the box', async () => {
    const [clock, folder] = [new FakeClock(), await tempFolder()]
    const delays = await Delays.open(folder, clock)
    const [remote, local] = [keysOf('wang', '192.0.2.7', false), keysOf('wang', 'local', true)]
    for (let n = 0; n < 30; n++) { await delays.failed(remote); await delays.failed(local) }
    expect(waitOf(delays, remote)).toBe(15 * 60_000)
    expect(waitOf(delays, local)).toBe(3_000)
  })

  it('lock nobody at the box out, however much others guess at the same account', async () => {
    const delays = await Delays.open(await tempFolder(), new FakeClock())
    for (let n = 0; n < 50; n++) await delays.failed(keysOf('wang', `192.0.2.${n}`, false))
    expect(waitOf(delays, keysOf('wang', '192.0.2.200', false))).toBe(5 * 60_000)
    expect(waitOf(delays, keysOf('wang', '127.0.0.1', true))).toBe(0)
  })

  it('survive a restart, and a clock that is set back makes nobody wait for ever', async () => {
    const [clock, folder] = [new FakeClock(), await tempFolder()]
    const first = await Delays.open(folder, clock)
    const keys = keysOf('wang', '192.0.2.7', false)
    for (let n = 0; n < 5; n++) await first.failed(keys)
    expect(waitOf(await Delays.open(folder, clock), keys)).toBe(4_000)
    clock.step(-365 * 86_400_000)
    expect(waitOf(await Delays.open(folder, clock), keys)).toBe(15 * 60_000)
  })

  it('are forgotten after a day and a right try, and kept for at most five hundred names', async () => {
    const [clock, folder] = [new FakeClock(), await tempFolder()]
    const delays = await Delays.open(folder, clock)
    const keys = keysOf('wang', '192.0.2.7', false)
    for (let n = 0; n < 5; n++) await delays.failed(keys)
    await delays.succeeded(keys)
    expect(waitOf(delays, keys)).toBe(0)
    for (let n = 0; n < 600; n++) void delays.failed(keysOf(`u${n}`, `198.51.100.${n}`, false))
    await delays.failed(keys)
    expect(Object.keys(JSON.parse(await readFile(path.join(folder, 'failures.json'), 'utf8'))).length).toBe(500)
  })
})

describe('a claim code', () => {
  it('is worth nothing after an hour, or once a newer one is printed', async () => {
    const file = path.join(await tempFolder(), 'claim.json')
    const first = await newClaim(file, 1_000)
    const second = await newClaim(file, 1_000)
    expect(first).toMatch(/^[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}$/)
    expect(await takeClaim(file, first, 2_000)).toBe('wrong')
    expect(await takeClaim(file, second, 1_000 + claimMs)).toBe('expired')
    expect(await takeClaim(file, second, 2_000)).toBe('taken')
    expect(await takeClaim(file, second, 2_000)).toBe('used')
  })
})

describe('sessions', () => {
  it('of admins end after twelve idle hours; the duty desk stays for thirty days', async () => {
    const [clock, folder] = [new FakeClock(), await tempFolder()]
    const sessions = await Sessions.open(folder, clock)
    const [admin, staff] = [await sessions.begin('wang', 'admin'), await sessions.begin('desk', 'staff')]
    clock.step(11 * 3_600_000)
    expect(sessions.find(admin)?.user).toBe('wang')
    clock.step(12 * 3_600_000)
    expect(sessions.find(admin)).toBeUndefined()
    clock.step(29 * 86_400_000)
    expect(sessions.find(staff)?.user).toBe('desk')
    clock.step(-60 * 86_400_000)
    expect(sessions.find(staff)).toBeUndefined()
  })
  it('are at most five hundred: the one that was used longest ago gives way', async () => {
    const [clock, folder] = [new FakeClock(), await tempFolder()]
    const sessions = await Sessions.open(folder, clock)
    const first = await sessions.begin('first', 'staff')
    for (let n = 0; n < 500; n++) { clock.step(1); await sessions.begin(`u${n}`, 'staff') }
    expect(sessions.find(first)).toBeUndefined()
    expect(JSON.parse(await readFile(path.join(folder, 'sessions.json'), 'utf8'))).toHaveLength(500)
  })
})

describe('the audit log', () => {
  it('goes on from where the last life ended, and through files that give way', async () => {
    const [clock, folder] = [new FakeClock(), await tempFolder()]
    for (let life = 0; life < 3; life++) {
      const audit = await Audit.open(folder, clock, silentLog())
      for (let n = 0; n < 3; n++) await audit.record({ by: 'wang', action: 'silence', outcome: 'done' })
    }
    const audit = await Audit.open(folder, clock, silentLog())
    const { entries, intact } = await audit.read({ limit: 4, before: 8 })
    expect([entries.map(({ seq }) => seq), intact]).toEqual([[7, 6, 5, 4], true])
  })
})

describe('the limit of requests', () => {
  it('lets a burst through, then so many a second, each address by itself', () => {
    const clock = new FakeClock()
    const limit = new RateLimit(clock)
    const through = (address: string, tries: number): number => Array.from({ length: tries }, () => limit.takes(address, 10, 20)).filter(Boolean).length
    expect(through('a', 50)).toBe(20)
    expect(through('b', 50)).toBe(20)
    void clock.advance(1_000)
    expect(through('a', 50)).toBe(10)
  })
})
