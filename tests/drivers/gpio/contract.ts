import { describe, expect, it, onTestFinished } from 'vitest'
import { gpioDriver } from '../../../drivers/gpio/driver.ts'
import { SimChip } from '../../../drivers/gpio/sim-chip.ts'
import type { GpioPoint } from '../../../drivers/gpio/settings.ts'
import type { Intake, Json } from '../../../gateway/contract/index.ts'
import { runSession, testKit, type Running } from '../../support/sessions.ts'
import { gpioConfig, rememberingKit } from './support.ts'

export interface BackEndUnderTest { readonly name: string; readonly settings: Readonly<Record<string, unknown>> }

const label = 'hall-io'
const wait = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms) })
const soon = { timeout: 10_000, interval: 10 }

/** A chip of 16 lines, LINE0 to LINE3 with names. */
export async function chip(name = label): Promise<SimChip> {
  const made = await SimChip.create(name, 16, new Map([0, 1, 2, 3].map((offset) => [offset, `LINE${offset}`])))
  onTestFinished(() => made[Symbol.asyncDispose]())
  return made
}

export const values = (running: Running, id: string): unknown[] => running.intakes.flatMap(({ samples }) => samples.filter(({ pointId }) => pointId === id).map(({ raw }) => raw))
export const keep = (running: { readonly intakes: readonly Intake[] }, stored: Map<string, Json>): void => { for (const { remember = {} } of running.intakes) for (const [key, value] of Object.entries(remember)) stored.set(key, value) }
const signal = (): AbortSignal => AbortSignal.timeout(20_000)

/** What every back end does, on a real kernel. */
export function contractSuite({ name, settings }: BackEndUnderTest): void {
  const config = (points: Parameters<typeof gpioConfig>[1]) => gpioConfig({ chip: label, ...settings }, points)
  const write = (running: Running, points: ReturnType<typeof config>, id: string, on: boolean): Promise<void> => running.session.write!(points.devices[0]!.points.find((each) => each.id === id) as GpioPoint, on, signal())

  describe(`GPIO by ${name}`, () => {
    it('tells every point first, then each change with the time of its edge', async () => {
      await using sim = await chip()
      await sim.pull(1, true)
      const running = await runSession(gpioDriver, config({ door: { line: 0 }, window: { line: 1 }, bell: { line: 2, activeLow: true } }))
      await expect.poll(() => running.intakes.length, soon).toBeGreaterThan(0)
      expect(running.intakes[0]!.samples.map(({ pointId, raw, quality }) => [pointId, raw, quality])).toEqual([['box.door', false, 'good'], ['box.window', true, 'good'], ['box.bell', true, 'good']])
      expect(running.intakes[0]!.devices).toMatchObject([{ deviceId: 'box', state: 'online' }])
      const before = Date.now()
      await sim.pull(0, true)
      const after = Date.now()
      await expect.poll(() => running.last('box.door')?.raw, soon).toBe(true)
      expect(running.last('box.door')!.at).toBeGreaterThanOrEqual(before - 20)
      // The default debounce is 50 ms: the sample carries the edge's time, not the moment it was believed.
      expect(running.last('box.door')!.at).toBeLessThanOrEqual(after + 40)
      await sim.pull(2, true)
      await expect.poll(() => running.last('box.bell')?.raw, soon).toBe(false)
    })
    it('believes a contact only when it has held, and counts what it did not believe', async () => {
      await using sim = await chip()
      const running = await runSession(gpioDriver, config({ door: { line: 0, debounce: '300ms' } }))
      await expect.poll(() => running.intakes.length, soon).toBeGreaterThan(0)
      await sim.pull(0, true); await wait(60); await sim.pull(0, false); await wait(60); await sim.pull(0, true)
      await expect.poll(() => running.last('box.door')?.raw, soon).toBe(true)
      expect(values(running, 'box.door')).toEqual([false, true])
      expect(running.session.statistics!().debounced).toBeGreaterThanOrEqual(2)
    })
    it('gives an output its safe state at start and at stop, and reads back what it wrote', async () => {
      await using sim = await chip()
      const points = config({ lamp: { line: 4, direction: 'out', writable: true }, fan: { line: 5, direction: 'out', writable: true, safe: true }, relay: { line: 6, direction: 'out', writable: true, activeLow: true } })
      const running = await runSession(gpioDriver, points)
      const levels = async () => [await sim.level(4), await sim.level(5), await sim.level(6)]
      expect(await levels()).toEqual([false, true, true])
      await write(running, points, 'box.lamp', true)
      await write(running, points, 'box.fan', false)
      await write(running, points, 'box.relay', true)
      expect(await levels()).toEqual([true, false, false])
      expect(['lamp', 'fan', 'relay'].map((id) => running.last(`box.${id}`)!.raw)).toEqual([true, false, true])
      await running.stop()
      expect(await levels()).toEqual([false, true, true])
      await write(await runSession(gpioDriver, points), points, 'box.lamp', true)
      expect(await levels()).toEqual([true, true, true])
    })
    it('drops a pulse by itself while the event loop stalls, prolongs it when asked again, and never beyond maxOn', async () => {
      await using sim = await chip()
      const points = config({ strike: { line: 4, direction: 'out', writable: true, pulse: '2500ms', maxOn: '5s' } })
      const running = await runSession(gpioDriver, points)
      await write(running, points, 'box.strike', true)
      expect(await sim.level(4)).toBe(true)
      const until = Date.now() + 3_200
      while (Date.now() < until) { /* nothing else runs in this process */ }
      expect(await sim.level(4)).toBe(false)
      await expect.poll(() => values(running, 'box.strike'), soon).toEqual([false, true, false])
      const start = Date.now()
      let offAt = 0
      while (offAt === 0 && Date.now() - start < 10_000) {
        if (Date.now() - start < 4_000) await write(running, points, 'box.strike', true)
        await wait(10)
        if (!await sim.level(4)) offAt = Date.now() - start
      }
      expect(offAt).toBeGreaterThan(3_000)
      expect(offAt).toBeLessThan(8_000)
      expect(running.session.statistics!().pulses).toBeGreaterThanOrEqual(2)
    })
    it('counts pulses, goes on after a restart where it was, and starts anew at another initial value', async () => {
      await using sim = await chip()
      const { kit, stored } = rememberingKit()
      const pulses = async (count: number): Promise<void> => { for (let index = 0; index < count; index++) { await sim.pull(3, true); await wait(25); await sim.pull(3, false); await wait(25) } }
      const points = config({ water: { line: 3, count: 'rising', initial: 1_000 } })
      const first = await runSession(gpioDriver, points, kit)
      await expect.poll(() => first.last('box.water')?.raw, soon).toBe(1_000)
      await pulses(12)
      await expect.poll(() => first.last('box.water')?.raw, soon).toBe(1_012)
      await pulses(3)
      await first.stop()
      expect(first.last('box.water')!.raw).toBe(1_015)
      keep(first, stored)
      const second = await runSession(gpioDriver, points, kit)
      await expect.poll(() => second.last('box.water')?.raw, soon).toBe(1_015)
      await pulses(5)
      await expect.poll(() => second.last('box.water')?.raw, soon).toBe(1_020)
      expect(second.session.statistics!().counted).toBe(5)
      await second.stop()
      keep(second, stored)
      const third = await runSession(gpioDriver, config({ water: { line: 3, count: 'rising', initial: 7 } }), rememberingKit(stored).kit)
      await expect.poll(() => third.last('box.water')?.raw, soon).toBe(7)
    })
    it('tells a burst of pulses at most once a second, with the exact total', async () => {
      await using sim = await chip()
      const running = await runSession(gpioDriver, config({ meter: { line: 3, count: 'falling', debounce: '0ms' } }))
      await expect.poll(() => running.intakes.length, soon).toBe(1)
      // Emulated processors that share two real ones: sysfs sees an edge only when the event loop turns.
      for (let index = 0; index < 20; index++) { await sim.pull(3, true); await wait(40); await sim.pull(3, false); await wait(40) }
      await expect.poll(() => running.last('box.meter')?.raw, soon).toBe(20)
      expect(running.intakes.length).toBeLessThan(12)
    })
    it('says that the chip has disappeared, and works again when it is back', async () => {
      await using sim = await chip()
      const points = config({ door: { line: 0 }, lamp: { line: 4, direction: 'out', writable: true } })
      const running = await runSession(gpioDriver, points)
      await sim.unplug()
      expect(await running.ended).toMatchObject({ code: 'GPIO_LOST', retriable: true, message: expect.stringContaining('pins') })
      await running.stop()
      await expect(gpioDriver.connect(points, testKit(), signal())).rejects.toMatchObject({ code: 'GPIO_UNAVAILABLE' })
      await sim.plug()
      await sim.pull(0, true)
      const again = await runSession(gpioDriver, points)
      await expect.poll(() => again.last('box.door')?.raw, soon).toBe(true)
    })
    it('names the chips there are when the wanted one is not', async () => {
      await using sim = await chip()
      await expect(gpioDriver.connect(gpioConfig({ ...settings, chip: 'nowhere' }, { door: { line: 0 } }), testKit(), signal())).rejects.toMatchObject({ code: 'GPIO_UNAVAILABLE', message: expect.stringMatching(new RegExp(`box\\.door.*"nowhere".*"${sim.label}"`)) })
    })
    it('refuses a write to an input, and a value that is neither on nor off', async () => {
      await using _sim = await chip()
      const points = config({ door: { line: 0 }, lamp: { line: 4, direction: 'out', writable: true } })
      const running = await runSession(gpioDriver, points)
      await expect(write(running, points, 'box.door', true)).rejects.toMatchObject({ code: 'POINT_NOT_WRITABLE' })
      await expect(running.session.write!(points.devices[0]!.points[1]!, 7, signal())).rejects.toMatchObject({ code: 'POINT_VALUE' })
    })
  })
}
