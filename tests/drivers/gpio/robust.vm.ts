import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parseLines } from '../../../drivers/gpio/chips.ts'
import { gpioDriver } from '../../../drivers/gpio/driver.ts'
import type { GpioConfig } from '../../../drivers/gpio/settings.ts'
import { startGpioSimulator } from '../../../drivers/gpio/simulator.ts'
import type { Intake, Json } from '../../../gateway/contract/index.ts'
import { systemClock } from '../../../gateway/kit/index.ts'
import { linli } from '../../support/command-line.ts'
import { child } from '../../support/resources.ts'
import { runSession, testKit } from '../../support/sessions.ts'
import { chip, keep, values } from './contract.ts'
import { gpioConfig, rememberingKit } from './support.ts'

const soon = { timeout: 15_000, interval: 20 }
const signal = (): AbortSignal => AbortSignal.timeout(20_000)
const wait = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms) })
const consumers = (name: string) => parseLines(execFileSync('gpioinfo', [name], { encoding: 'utf8' })).get(name)!.map(({ consumer }) => consumer)
const newFolder = (): Promise<string> => mkdtemp('/run/linli-spool-')

/** Processes whose command line has all the words. */
async function pidsOf(...words: readonly string[]): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((each) => /^\d+$/.test(each))
  const found = await Promise.all(pids.map(async (pid) => { const line = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => ''); return words.every((word) => line.includes(word)) ? [Number(pid)] : [] }))
  return found.flat()
}

/** A whole process with one connection, and what it told before it was killed. */
async function gatewayProcess(config: GpioConfig, on: readonly string[] = [], stored: Readonly<Record<string, Json>> = {}) {
  const process_ = child(process.execPath, [path.join(import.meta.dirname, 'gateway.ts'), JSON.stringify({ config, on, stored })])
  let said = ''
  process_.stderr!.on('data', (chunk) => { said = `${said}${String(chunk)}`.slice(-2_000) })
  const intakes: Intake[] = []
  const lines = createInterface({ input: process_.stdout! })
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => { if (line === 'ready') resolve(); else intakes.push(JSON.parse(line) as Intake) })
    process_.once('close', (code, end) => reject(new Error(`the gateway did not start (${code ?? end}):\n${said}`)))
  })
  const kill9 = (): Promise<void> => new Promise((resolve) => { process_.once('exit', () => resolve()); process_.kill('SIGKILL') })
  return { intakes, kill9, last: (id: string) => intakes.flatMap(({ samples }) => samples).findLast((sample) => sample.pointId === id)?.raw }
}

const backEnds = [
  { name: 'the character device', settings: { chip: 'hall-io', backend: 'chardev' } },
  ...(process.env.LINLI_GPIOD2 ? [{ name: 'the character device, libgpiod 2', settings: { chip: 'hall-io', backend: 'chardev', tools: process.env.LINLI_GPIOD2 } }] : []),
  { name: 'sysfs', settings: { chip: 'hall-io', backend: 'sysfs' } },
]

for (const { name, settings } of backEnds) {
  describe(`a crash of the gateway, ${name}`, () => {
    it('kill -9 brings every output to its safe state, ends a pulse, and the next gateway takes the lines back', async () => {
      await using sim = await chip()
      const config = gpioConfig(settings, { lamp: { line: 4, direction: 'out', writable: true }, fan: { line: 5, direction: 'out', writable: true, safe: true }, strike: { line: 6, direction: 'out', writable: true, pulse: '30s' }, door: { line: 0 } })
      const levels = async () => [await sim.level(4), await sim.level(5), await sim.level(6)]
      const gateway = await gatewayProcess(config, ['box.lamp', 'box.strike'])
      expect(await levels()).toEqual([true, true, true])
      await gateway.kill9()
      await expect.poll(levels, soon).toEqual([false, true, false])
      await wait(300)
      expect(await levels()).toEqual([false, true, false])
      if (settings.backend === 'chardev') expect(consumers(sim.name)[0]).toBeNull()
      const next = await runSession(gpioDriver, config)
      await next.session.write!(config.devices[0]!.points[0]!, true, signal())
      expect(await levels()).toEqual([true, true, false])
    })
    it('a guard that is killed is noticed, and the connection opens again at the safe state', async () => {
      await using sim = await chip()
      const config = gpioConfig(settings, { lamp: { line: 4, direction: 'out', writable: true } })
      const running = await runSession(gpioDriver, config)
      await running.session.write!(config.devices[0]!.points[0]!, true, signal())
      for (const pid of await pidsOf('linli-gpio-guard', settings.backend === 'chardev' ? '4=' : '/value')) process.kill(pid, 'SIGKILL')
      expect(await running.ended).toMatchObject({ code: 'GPIO_GUARD', retriable: true, message: expect.stringContaining('box.lamp') })
      await running.stop()
      await runSession(gpioDriver, config)
      expect(await sim.level(4)).toBe(false)
    })
  })
}

for (const { name, settings } of backEnds.filter(({ settings: { backend } }) => backend === 'chardev')) {
  describe(`only ${name}`, () => {
    it('counts on while no gateway runs: kill -9 and pulses meanwhile lose and double nothing', async () => {
      await using sim = await chip()
      const spool = await newFolder()
      const pulses = async (count: number): Promise<void> => { for (let index = 0; index < count; index++) { await sim.pull(3, true); await wait(12); await sim.pull(3, false); await wait(12) } }
      const config = gpioConfig({ ...settings, spool }, { water: { line: 3, count: 'rising' }, heat: { line: 7, count: 'falling', debounce: '0ms' } })
      const stored = new Map<string, Json>()
      const first = await gatewayProcess(config)
      await pulses(17)
      await expect.poll(() => first.last('box.water'), soon).toBeGreaterThan(0)
      await first.kill9()
      keep(first, stored)
      await pulses(23)
      for (let index = 0; index < 5; index++) { await sim.pull(7, true); await sim.pull(7, false) }
      const second = await gatewayProcess(config, [], Object.fromEntries(stored))
      await expect.poll(() => second.last('box.water'), soon).toBe(40)
      expect(second.last('box.heat')).toBe(5)
      await second.kill9()
      // Nothing of the second life reached the disk: the third sees the same files.
      const third = await runSession(gpioDriver, config, rememberingKit(stored).kit)
      await expect.poll(() => third.last('box.water')?.raw, soon).toBe(40)
      await pulses(3)
      await expect.poll(() => third.last('box.water')?.raw, soon).toBe(43)
      expect(third.last('box.heat')!.raw).toBe(5)
    })
    it('gives a pulse that was counted while no gateway ran the time of its edge', async () => {
      await using sim = await chip()
      const spool = await newFolder()
      const config = gpioConfig({ ...settings, spool }, { water: { line: 3, count: 'rising', debounce: '0ms' } })
      const { kit, stored } = rememberingKit()
      const first = await runSession(gpioDriver, config, kit)
      await expect.poll(() => first.intakes.length, soon).toBe(1)
      await first.stop()
      keep(first, stored)
      await sim.pull(3, true)
      const edge = Date.now()
      await wait(1_500)
      const second = await runSession(gpioDriver, config, rememberingKit(stored).kit)
      await expect.poll(() => second.last('box.water')?.raw, soon).toBe(1)
      expect(Math.abs(second.last('box.water')!.at - edge)).toBeLessThan(400)
    })
    it('finds lines by name, and the chip by a name only it has', async () => {
      await using _other = await chip('another')
      await using sim = await chip()
      const config = gpioConfig(settings, { door: { line: 'LINE2' } })
      const running = await runSession(gpioDriver, config)
      await sim.pull(2, true)
      await expect.poll(() => running.last('box.door')?.raw, soon).toBe(true)
      await running.stop()
      await expect(gpioDriver.connect(gpioConfig(settings, { door: { line: 'NOWHERE' } }), testKit(), signal())).rejects.toMatchObject({ code: 'GPIO_LINE_UNKNOWN', message: expect.stringMatching(/box\.door.*"NOWHERE".*LINE0, LINE1/) })
      await expect(gpioDriver.connect(gpioConfig(settings, { door: { line: 99 } }), testKit(), signal())).rejects.toMatchObject({ code: 'GPIO_LINE_UNKNOWN', message: expect.stringContaining('lines 0 to 15') })
      await expect(gpioDriver.connect(gpioConfig(settings, { door: { line: 2 }, again: { line: 'LINE2' } }), testKit(), signal())).rejects.toMatchObject({ code: 'GPIO_BUSY' })
    })
    it('sets the pull resistor', async () => {
      await using _sim = await chip()
      const running = await runSession(gpioDriver, gpioConfig(settings, { up: { line: 8, pull: 'up' }, down: { line: 9, pull: 'down' }, low: { line: 10, pull: 'up', activeLow: true } }))
      await expect.poll(() => running.intakes.length, soon).toBeGreaterThan(0)
      expect(running.intakes[0]!.samples.map(({ raw }) => raw)).toEqual([true, false, false])
    })
    it('names who holds a line', async () => {
      await using sim = await chip()
      const holder = child('gpiomon', [sim.name, '5'])
      await expect.poll(() => consumers(sim.name)[5], soon).toBe('gpiomon')
      await expect(gpioDriver.connect(gpioConfig(settings, { door: { line: 5 } }), testKit(), signal())).rejects.toMatchObject({ code: 'GPIO_BUSY', message: expect.stringMatching(/box\.door.*line 5.*held by "gpiomon"/) })
      holder.kill()
    })
    it('a gpioset that is killed is noticed', async () => {
      await using sim = await chip()
      const running = await runSession(gpioDriver, gpioConfig(settings, { lamp: { line: 4, direction: 'out', writable: true, safe: true } }))
      // Version 2 cuts its own command line at the equals sign.
      for (const pid of await pidsOf('gpioset', sim.name)) if ((await readFile(`/proc/${pid}/cmdline`, 'latin1')).includes('linli-gpio-guard') === false) process.kill(pid, 'SIGKILL')
      await expect.poll(() => sim.level(4), soon).toBe(false)
      expect(await running.ended).toMatchObject({ code: 'GPIO_GUARD', message: expect.stringContaining('box.lamp') })
    })
    it('a listener that dies is noticed', async () => {
      await using _sim = await chip()
      const running = await runSession(gpioDriver, gpioConfig(settings, { door: { line: 0 } }))
      for (const pid of await pidsOf('linli-gpio-monitor')) process.kill(pid, 'SIGKILL')
      expect(await running.ended).toMatchObject({ code: 'GPIO_LOST', retriable: true })
    })
    it('finds a level that changed between its reading and its listener, and survives a flood', async () => {
      await using sim = await chip()
      const running = await runSession(gpioDriver, gpioConfig(settings, { door: { line: 0, debounce: '1ms' } }))
      const until = Date.now() + 2_000
      let high = false
      while (Date.now() < until) { high = !high; await sim.pull(0, high) }
      await sim.pull(0, true)
      await expect.poll(() => running.last('box.door')?.raw, soon).toBe(true)
      expect(running.session.statistics!().edges).toBeGreaterThan(20)
      expect(values(running, 'box.door').length).toBeGreaterThan(1)
    })
  })
}

describe('the choice of a back end on a real kernel', () => {
  it('is the character device where the tools are, and sysfs where they are not', async () => {
    await using sim = await chip()
    const withTools = await runSession(gpioDriver, gpioConfig({ chip: 'hall-io' }, { door: { line: 0 } }))
    expect(consumers(sim.name)[0]).toBe('gpiomon')
    await withTools.stop()
    const without = await runSession(gpioDriver, gpioConfig({ chip: 'hall-io', tools: '/nowhere' }, { door: { line: 0 } }))
    expect(consumers(sim.name)[0]).toBe('sysfs')
    await without.stop()
    await expect(gpioDriver.connect(gpioConfig({ chip: 'hall-io', tools: '/nowhere' }, { door: { line: 'LINE0' } }), testKit(), signal())).rejects.toMatchObject({ code: 'GPIO_UNSUPPORTED', message: expect.stringMatching(/box\.door.*line names.*package gpiod/) })
  })
  it('Raspberry Pi kernels: line numbers are offset, find the base from the chip\'s label', async () => {
    await using sim = await chip()
    const base = (await Promise.all((await readdir('/sys/class/gpio')).filter((each) => each.startsWith('gpiochip')).map(async (each) => [await readFile(`/sys/class/gpio/${each}/label`, 'utf8'), Number(await readFile(`/sys/class/gpio/${each}/base`, 'utf8'))] as const))).find(([label]) => label.trim() === 'hall-io')![1]
    expect(base).toBeGreaterThan(0)
    const running = await runSession(gpioDriver, gpioConfig({ chip: 'hall-io', backend: 'sysfs' }, { door: { line: 2 } }))
    expect(await readdir('/sys/class/gpio')).toContain(`gpio${base + 2}`)
    await sim.pull(2, true)
    await expect.poll(() => running.last('box.door')?.raw, soon).toBe(true)
  })
})

describe('the GPIO simulator', () => {
  it('is met by the driver as real wires are', async () => {
    const config = gpioConfig({ chip: 'site-io' }, { door: { line: 'DOOR' }, bell: { line: 5, activeLow: true }, water: { line: 6, count: 'rising', initial: 100 }, lamp: { line: 7, direction: 'out', writable: true } })
    await using simulator = await startGpioSimulator(config, { clock: systemClock, random: () => 0.5 })
    expect(simulator.where).toContain('site-io')
    const running = await runSession(gpioDriver, config)
    for (const [id, value] of [['box.door', true], ['box.bell', true], ['box.water', 103]] as const) simulator.set(id, value)
    await expect.poll(() => ['box.door', 'box.bell', 'box.water'].map((id) => running.last(id)?.raw), soon).toEqual([true, true, 103])
    await running.session.write!(config.devices[0]!.points[3]!, true, signal())
    await expect.poll(() => simulator.get('box.lamp'), soon).toBe(true)
    simulator.fault('box', 'offline')
    expect(await running.ended).toMatchObject({ code: 'GPIO_LOST' })
    await running.stop()
    simulator.fault('box', null)
    await expect.poll(() => gpioDriver.connect(config, testKit(), signal()).then((session) => session[Symbol.asyncDispose]().then(() => 'open'), () => 'shut'), soon).toBe('open')
    expect(() => simulator.set('box.nothing', true)).toThrow(RangeError)
  })
  it('is what linli simulate starts', async () => {
    const file = path.join(await newFolder(), 'site.yaml')
    await writeFile(file, ['linli: 2', 'site: { id: vm, region: "420106", name: { zh: 测试, en: test } }', 'store: { path: /run/vm-data }', 'connections: [{ id: pins, driver: gpio, chip: desk-io }]', 'devices:',
      '  - { id: door, name: { zh: 门, en: door }, connection: pins, points: { open: { name: { zh: 开, en: open }, type: boolean, line: 3 } } }', ''].join('\n'))
    const result = await linli('simulate', file, '--for', '1s', '--json')
    expect(result, result.stderr).toMatchObject({ code: 0 })
    expect(JSON.parse(result.stdout.split('\n')[0]!)).toMatchObject([{ connection: 'pins', where: expect.stringContaining('desk-io') }])
  })
})

describe('linli probe gpio', () => {
  it('lists, reads, watches, and sets an output for a limited time', async () => {
    await using sim = await chip()
    onTestFinished(() => {})
    await sim.pull(1, true)
    const list = JSON.parse((await linli('probe', 'gpio', 'list', '--json')).stdout) as { label: string; lines: { name: string | null }[] }[]
    expect(list.find(({ label }) => label === 'hall-io')!.lines.slice(0, 5).map(({ name }) => name)).toEqual(['LINE0', 'LINE1', 'LINE2', 'LINE3', null])
    expect(JSON.parse((await linli('probe', 'gpio', 'read', 'LINE1', '4', '--chip', 'hall-io', '--json')).stdout)).toMatchObject([{ line: 1, on: true }, { line: 4, on: false }])
    const watching = linli('probe', 'gpio', 'watch', 'LINE0', '--chip', 'hall-io', '--for', '12s', '--json')
    await expect.poll(() => consumers(sim.name)[0], soon).toBe('gpiomon')
    await sim.pull(0, true)
    expect((await watching).stdout.trim().split('\n').map((line) => JSON.parse(line) as unknown)).toMatchObject([[{ line: 0, on: false }], { line: 0, name: 'LINE0', on: true }])
    expect(await linli('probe', 'gpio', 'set', '5', 'on', '--for', '1s', '--chip', 'hall-io')).toMatchObject({ code: 1, stderr: expect.stringMatching(/PROBE_USAGE.*--yes/) })
    const set = linli('probe', 'gpio', 'set', '5', 'on', '--for', '2s', '--yes', '--chip', 'hall-io')
    await expect.poll(() => sim.level(5), soon).toBe(true)
    expect(await set).toMatchObject({ code: 0, stdout: expect.stringContaining('off again') })
    expect(await sim.level(5)).toBe(false)
    expect(consumers(sim.name)[5]).toBeNull()
  })
})
