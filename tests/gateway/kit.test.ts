import { spawnSync } from 'node:child_process'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoffMs, BoundedQueue, defaultBackoff, FakeClock, keyedHash, readSecret } from '../../gateway/kit/index.ts'
import { TimeKeeper } from '../../gateway/time.ts'

describe('the back-off', () => {
  it('never leaves the band around its cap, and still spreads there: jitter comes after the cap', () => {
    fc.assert(fc.property(fc.nat(10_000), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, chance) => {
      const ms = backoffMs(defaultBackoff, attempt, () => chance)
      expect(ms).toBeGreaterThanOrEqual(defaultBackoff.baseMs * 0.7 - 1)
      expect(ms).toBeLessThanOrEqual(defaultBackoff.capMs * 1.3 + 1)
    }))
    expect(backoffMs(defaultBackoff, 99, () => 0)).not.toBe(backoffMs(defaultBackoff, 99, () => 0.9))
  })
})

describe('the bounded queue', () => {
  it('gives what was pushed, in order, refuses above its limit, and ends after close', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.nat(), { maxLength: 50 }), fc.integer({ min: 1, max: 60 }), async (items, limit) => {
      const queue = new BoundedQueue<number>(limit)
      const taken = items.filter((item) => queue.push(item))
      queue.close()
      const seen: number[] = []
      for await (const item of queue) seen.push(item)
      expect(seen).toEqual(taken)
      expect(taken.length).toBe(Math.min(items.length, limit))
    }))
  })
  it('gives what was queued before it throws', async () => {
    const queue = new BoundedQueue<number>(9)
    queue.push(1)
    queue.fail(new RangeError('link'))
    const seen: number[] = []
    await expect((async () => { for await (const item of queue) seen.push(item) })()).rejects.toThrow('link')
    expect(seen).toEqual([1])
  })
})

describe('time', () => {
  it('reports a stepped clock once, with its offset, and forgives slewing', () => {
    const clock = new FakeClock()
    const keeper = new TimeKeeper(clock, () => false)
    clock.step(900)
    expect(keeper.check()).toBeNull()
    clock.step(-3_600_000)
    expect(keeper.check()).toMatchObject({ offsetMs: -3_600_000 })
    expect(keeper.check()).toBeNull()
  })
  it('tells holdover from never synced', () => {
    let synced = false
    const keeper = new TimeKeeper(new FakeClock(), () => synced)
    expect(keeper.quality).toBe('unsynced')
    synced = true
    keeper.check()
    expect(keeper.quality).toBe('synced')
    synced = false
    keeper.check()
    expect(keeper.quality).toBe('holdover')
  })
})

describe('secrets', () => {
  it('are hashed under the site\'s key: equal inputs agree, other keys differ, and the number is not in the hash', () => {
    const hash = keyedHash(Buffer.from('a'), '0012345678')
    expect(hash).toMatch(/^[0-9a-f]{32}$/)
    expect(keyedHash(Buffer.from('a'), '0012345678')).toBe(hash)
    expect(keyedHash(Buffer.from('b'), '0012345678')).not.toBe(hash)
  })
  it('name the place and not the secret when they are missing', async () => {
    await expect(readSecret({ env: 'LINLI_NO_SUCH_SECRET' })).rejects.toMatchObject({ code: 'CONFIG_SECRET_MISSING', message: expect.stringContaining('LINLI_NO_SUCH_SECRET') })
    await expect(readSecret({ file: '/nonexistent/secret' })).rejects.toMatchObject({ code: 'CONFIG_SECRET_MISSING' })
  })
  it('never reach a log line', () => {
    const kit = path.resolve('gateway/kit/log.ts')
    const script = `import { createLog } from ${JSON.stringify(kit)}; createLog({ pretty: false }).info({ password: 'hunter2', uplink: { token: 'hunter2' }, a: { b: { secret: 'hunter2' } } }, 'x')`
    const { stderr } = spawnSync('node', ['--input-type=module', '-e', script], { encoding: 'utf8' })
    expect(stderr).toContain('[redacted]')
    expect(stderr).not.toContain('hunter2')
  })
})
