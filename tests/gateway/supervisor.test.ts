import { describe, expect, it, onTestFinished } from 'vitest'
import type { ConnectionConfig, Driver, DriverEntry, Intake } from '../../gateway/contract/index.ts'
import { DriverError, FakeClock, silentLog } from '../../gateway/kit/index.ts'
import { Supervisor } from '../../gateway/supervisor.ts'
import { device, point } from '../support/points.ts'

const config: ConnectionConfig = { id: 'line', driver: 'fake', settings: {}, devices: [device('hall', [point({ id: 'hall.t' })])] }

function supervise(driver: Driver) {
  const clock = new FakeClock()
  const seen: Intake[] = []
  const stop = new AbortController()
  const entry = { name: 'fake', load: async () => driver } as DriverEntry
  const log = silentLog()
  const kit = { clock, random: () => 0.5, log, hashIdentity: (value: string) => value, readSecret: async () => '', recall: async () => undefined }
  const supervisor = new Supervisor({ config, entry, kit, clock, random: () => 0.5, log, accept: (_id, intake) => seen.push(intake) })
  const running = supervisor.run(stop.signal)
  onTestFinished(async () => { stop.abort(); await running })
  return { clock, seen, supervisor, stop, running }
}

const closed = { async [Symbol.asyncDispose]() {} }

describe('a supervisor', () => {
  it('that is stopped while it connects ends, whatever its session does with a signal that is aborted already', async () => {
    const connecting = Promise.withResolvers<void>()
    let disposed = 0
    const { stop, running } = supervise({
      name: 'fake',
      async connect() {
        await connecting.promise
        return { async *intake() { await new Promise(() => {}); yield { samples: [] } }, async [Symbol.asyncDispose]() { disposed++ } }
      },
    })
    stop.abort()
    connecting.resolve()
    await running
    expect(disposed).toBe(1)
  })
  it('turns every point bad with the code of the loss, and tries again with a growing wait', async () => {
    let attempts = 0
    const { clock, seen, supervisor } = supervise({ name: 'fake', async connect() { attempts++; throw new DriverError('MODBUS_CONNECT_FAILED', 'refused') } })
    await clock.advance(0)
    expect(seen[0]!.samples).toEqual([{ pointId: 'hall.t', raw: null, at: expect.any(Number), quality: 'bad', reason: 'MODBUS_CONNECT_FAILED' }])
    expect(seen[0]!.devices).toMatchObject([{ deviceId: 'hall', state: 'offline', reason: 'MODBUS_CONNECT_FAILED' }])
    expect(supervisor.status()).toMatchObject({ state: 'backing-off', lastError: 'MODBUS_CONNECT_FAILED' })
    await clock.advance(500)
    expect(attempts).toBe(2)
    await clock.advance(500)
    expect(attempts).toBe(2)
    await clock.advance(500)
    expect(attempts).toBe(3)
    await clock.advance(3_600_000)
    // Base 0.5 s doubling to a cap of 30 s: about 125 tries in an hour, not 7,200.
    expect(attempts).toBeGreaterThan(100)
    expect(attempts).toBeLessThan(140)
  })
  it('passes on what the session brings and opens the link again when it ends', async () => {
    let sessions = 0
    const driver: Driver = { name: 'fake', async connect() { sessions++; return { ...closed, async *intake() { yield { samples: [], scanned: sessions } } } } }
    const { clock, seen } = supervise(driver)
    await clock.advance(0)
    await clock.advance(600)
    expect(sessions).toBe(2)
    expect(seen.filter(({ scanned }) => scanned).map(({ scanned }) => scanned)).toEqual([1, 2])
  })
  it('refuses to write a read-only point, and says so when the link is down', async () => {
    const { clock, supervisor } = supervise({ name: 'fake', async connect() { throw new DriverError('MODBUS_CONNECT_FAILED', 'refused') } })
    await clock.advance(0)
    const { signal } = new AbortController()
    await expect(supervisor.write(point({ id: 'hall.t' }), 1, signal)).rejects.toMatchObject({ code: 'POINT_NOT_WRITABLE' })
    await expect(supervisor.write(point({ id: 'hall.t', writable: true }), 1, signal)).rejects.toMatchObject({ code: 'DEVICE_OFFLINE' })
  })
  it('ends at once on abort, also in the middle of a back-off', async () => {
    const { clock, stop, running, supervisor } = supervise({ name: 'fake', async connect() { throw new DriverError('MODBUS_CONNECT_FAILED', 'refused') } })
    await clock.advance(0)
    stop.abort()
    await running
    expect(supervisor.status().state).toBe('stopped')
  })
})
