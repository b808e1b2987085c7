import { describe, expect, it } from 'vitest'
import type { DeviceState } from '../../gateway/contract/index.ts'
import { DeviceStates } from '../../gateway/device-states.ts'

const status = (state: Exclude<DeviceState, 'flapping'>, at: number) => ({ deviceId: 'meter', state, at, ...(state === 'online' ? {} : { reason: 'MODBUS_TIMEOUT' }) })

describe('the state of a device', () => {
  it('is told when it changes and not when it is repeated', () => {
    const states = new DeviceStates()
    expect(states.report(status('online', 0))?.state).toBe('online')
    expect(states.report(status('online', 1))).toBeNull()
    expect(states.report(status('offline', 2))?.state).toBe('offline')
  })
  it('is called flapping once instead of a hundred times, and by its own name after ten quiet minutes', () => {
    const states = new DeviceStates()
    const told = Array.from({ length: 200 }, (_, second) => states.report(status(second % 2 ? 'offline' : 'online', second * 1_000))).filter((news) => news !== null)
    expect(told.map(({ state }) => state)).toEqual(['online', 'offline', 'online', 'offline', 'online', 'offline', 'flapping'])
    expect(told.at(-1)).toMatchObject({ reason: 'DEVICE_FLAPPING', detail: expect.stringContaining('meter came and went 6 times') })
    expect(states.get('meter')?.state).toBe('flapping')
    expect(states.calmed(199_000 + 599_999)).toEqual([])
    expect(states.calmed(199_000 + 600_000)).toMatchObject([{ deviceId: 'meter', state: 'offline', at: 799_000 }])
    expect(states.get('meter')?.state).toBe('offline')
  })
  it('is not flapping when it fails now and then', () => {
    const states = new DeviceStates()
    for (let hour = 0; hour < 100; hour++) expect(states.report(status(hour % 2 ? 'offline' : 'online', hour * 3_600_000))?.state).not.toBe('flapping')
  })
})
