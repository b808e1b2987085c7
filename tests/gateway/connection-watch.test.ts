import { expect, it } from 'vitest'
import type { ConnectionConfig, DeviceState } from '../../gateway/contract/index.ts'
import { FakeClock } from '../../gateway/kit/index.ts'
import { ConnectionWatch } from '../../gateway/connection-watch.ts'
import { device } from '../support/points.ts'

it('a line is dead when all of its devices have been gone for 3 s, and back with the first of them', async () => {
  const clock = new FakeClock()
  const states = new Map<string, DeviceState>()
  const told: string[] = []
  const connections = [{ id: 'bus', driver: 'x', settings: {}, devices: [device('a', []), device('b', [])] }, { id: 'single', driver: 'x', settings: {}, devices: [device('c', [])] }] satisfies ConnectionConfig[]
  using _ = new ConnectionWatch({
    connections, clock, device: (id) => { const state = states.get(id); return state && { deviceId: id, state, at: 0, reason: 'MODBUS_TIMEOUT' } },
    conditions: { raise: ({ key, data }) => { if (told.at(-1) !== `raise ${key}`) told.push(`raise ${key}`); expect(data).toEqual({ connection: 'bus', devices: 2, reason: 'MODBUS_TIMEOUT' }) }, clear: (key) => { if (told.at(-1)?.startsWith('raise')) told.push(`clear ${key}`) } },
  })
  await clock.advance(10_000)
  states.set('a', 'offline').set('c', 'offline')
  await clock.advance(10_000)
  states.set('b', 'offline')
  await clock.advance(2_900)
  expect(told).toEqual([])
  await clock.advance(2_000)
  expect(told).toEqual(['raise connection/bus/offline'])
  states.set('b', 'online')
  await clock.advance(1_000)
  expect(told).toEqual(['raise connection/bus/offline', 'clear connection/bus/offline'])
})
