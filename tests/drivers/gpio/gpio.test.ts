import { spawn } from 'node:child_process'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chooseChip, chooseLine, parseChips, parseLines } from '../../../drivers/gpio/chips.ts'
import { choose, gpioDriver } from '../../../drivers/gpio/driver.ts'
import { Guard } from '../../../drivers/gpio/guard.ts'
import { chipBase } from '../../../drivers/gpio/lines.ts'
import { gpioSchemas } from '../../../drivers/gpio/schema.ts'
import { startGpioSimulator } from '../../../drivers/gpio/simulator.ts'
import { childEnvironment, findTools, getCommand, holdCommand, monitorCommand, infoCommand, parseEdge, type Tools } from '../../../drivers/gpio/tools.ts'
import { systemClock } from '../../../gateway/kit/index.ts'
import { tempFolder } from '../../support/resources.ts'
import { runSession } from '../../support/sessions.ts'
import { gpioConfig } from './support.ts'

const one: Tools = { folder: '/usr/bin', major: 1, version: '1.6' }
const two: Tools = { folder: '/opt/v2', major: 2, version: '2.2' }

describe('the GPIO driver', () => {
  it.skipIf(existsSync('/sys/class/gpio') || existsSync('/dev/gpiochip0'))('on a machine without GPIO names connection, points and what to do', async () => {
    await expect(runSession(gpioDriver, gpioConfig({}, { smoke: { line: 4 } }))).rejects.toMatchObject({ code: 'GPIO_UNAVAILABLE', message: expect.stringMatching(/pins \(box\.smoke\).*no GPIO.*Modbus input module/) })
  })
  it.skipIf(existsSync('/sys/kernel/config/gpio-sim'))('on a kernel without gpio-sim the simulator says what it needs', async () => {
    await expect(startGpioSimulator(gpioConfig({}, { smoke: { line: 4 } }), { clock: systemClock, random: () => 0.5 })).rejects.toMatchObject({ code: 'GPIO_UNAVAILABLE', message: expect.stringMatching(/root.*modprobe gpio-sim/) })
  })
  it("Raspberry Pi kernels: line numbers are offset, find the base from the chip's label", async () => {
    const root = await tempFolder()
    for (const [base, label] of [[512, 'pinctrl-bcm2711'], [570, 'raspberrypi-exp-gpio']] as const) {
      await mkdir(path.join(root, `gpiochip${base}`))
      await writeFile(path.join(root, `gpiochip${base}/label`), `${label}\n`)
      await writeFile(path.join(root, `gpiochip${base}/base`), `${base}\n`)
    }
    const points = { smoke: { line: 4 } }
    expect(await chipBase(gpioConfig({ chip: 'pinctrl-bcm2711' }, points), root)).toBe(512)
    expect(await chipBase(gpioConfig({ chip: 'raspberrypi-exp-gpio' }, points), root)).toBe(570)
    expect(await chipBase(gpioConfig({}, points), root)).toBe(0)
    await expect(chipBase(gpioConfig({ chip: 'other' }, points), root)).rejects.toMatchObject({ code: 'GPIO_UNAVAILABLE', message: expect.stringContaining('"pinctrl-bcm2711"') })
  })
})

describe('what the schema finds', () => {
  const wrong: readonly (readonly [settings: object, keys: Readonly<Record<string, unknown>>, key: string, says: RegExp])[] = [
    [{}, { line: 2, type: 'number' }, 'type', /count: rising/],
    [{}, { line: 2, count: 'rising', type: 'boolean' }, 'type', /type: number/],
    [{}, { line: 2, writable: true }, 'writable', /direction: out/],
    [{}, { line: 2, safe: false }, 'safe', /belongs to an output/],
    [{}, { line: 2, pulse: '3s' }, 'pulse', /belongs to an output/],
    [{}, { line: 2, initial: 5 }, 'initial', /count: rising/],
    [{}, { line: 2, direction: 'out', count: 'rising', type: 'number' }, 'count', /belongs to an input/],
    [{}, { line: 2, direction: 'out', debounce: '5ms' }, 'debounce', /belongs to an input/],
    [{}, { line: 2, direction: 'out', pull: 'up' }, 'pull', /belongs to an input/],
    [{}, { line: 2, direction: 'out', type: 'number' }, 'type', /boolean/],
    [{}, { line: 2, direction: 'out', safe: true, pulse: '3s' }, 'safe', /can only be off/],
    [{}, { line: 2, direction: 'out', pulse: '5s', maxOn: '2s' }, 'maxOn', /shorter than the pulse/],
    [{ backend: 'sysfs' }, { line: 'DOOR' }, 'line', /backend: chardev/],
    [{ backend: 'sysfs' }, { line: 2, pull: 'up' }, 'pull', /outside/],
  ]
  for (const [settings, keys, key, says] of wrong) {
    it(`refuses ${JSON.stringify(keys)}${'backend' in settings ? ' on sysfs' : ''}`, () => {
      expect(gpioSchemas.review!(gpioConfig(settings, { p: keys }))).toEqual([{ deviceId: 'box', path: ['points', 'p', key], message: expect.stringMatching(says) }])
    })
  }
  it('refuses a line that is used twice, and takes what is right', () => {
    expect(gpioSchemas.review!(gpioConfig({}, { a: { line: 1 }, b: { line: 1 } }))).toMatchObject([{ path: ['points', 'b', 'line'], message: expect.stringContaining('box.a') }])
    expect(gpioSchemas.review!(gpioConfig({}, { a: { line: 1, pull: 'up' }, b: { line: 'DOOR' }, c: { line: 3, count: 'falling', initial: 4 }, d: { line: 4, direction: 'out', pulse: '3s', writable: true }, e: { line: 5, direction: 'out', safe: true } }))).toEqual([])
  })
  it('has a ceiling of a minute for what energises a strike', () => {
    for (const key of ['pulse', 'maxOn']) {
      expect(gpioSchemas.point.safeParse({ line: 1, direction: 'out', [key]: '60s' }).success).toBe(true)
      for (const text of ['61s', '2m', '1h', '0ms']) expect(gpioSchemas.point.safeParse({ line: 1, direction: 'out', [key]: text }).success).toBe(false)
    }
    expect(gpioSchemas.point.safeParse({ line: 'A=1' }).success).toBe(false)
    expect(gpioSchemas.point.safeParse({ line: -1 }).success).toBe(false)
  })
  it('foresees what will not please', () => {
    const told = gpioSchemas.foresee!(gpioConfig({ backend: 'sysfs' }, { a: { line: 1, count: 'rising' }, b: { line: 2, count: 'rising', debounce: '80ms' }, c: { line: 3, direction: 'out' } })).map(({ message }) => message)
    expect(told).toEqual([expect.stringMatching(/box\.a.*chardev/), expect.stringMatching(/box\.b.*chardev/), expect.stringMatching(/box\.b.*S0/), expect.stringMatching(/box\.c.*writable/)])
    expect(gpioSchemas.foresee!(gpioConfig({}, { a: { line: 'X' }, b: { line: 2, pull: 'up' } }))).toHaveLength(2)
  })
})

describe('the choice of a back end', () => {
  const config = (settings: object) => gpioConfig(settings, { door: { line: 1 } })
  const all = { chips: ['gpiochip0'], tools: one, sysfs: true }
  it('prefers the character device, and takes sysfs where it or its tools are missing', () => {
    expect(choose(config({}), all).backend).toBe('chardev')
    expect(choose(config({}), { ...all, tools: undefined }).backend).toBe('sysfs')
    expect(choose(config({}), { ...all, chips: [] }).backend).toBe('sysfs')
    expect(choose(config({ backend: 'sysfs' }), all).backend).toBe('sysfs')
    expect(choose(config({ backend: 'chardev' }), all).backend).toBe('chardev')
  })
  it('says what is missing', () => {
    const why = (settings: object, offer: Partial<typeof all>): string => { try { choose(config(settings), { ...all, ...offer }); return 'nothing' } catch (error) { return (error as Error).message } }
    expect(why({}, { chips: [], sysfs: false })).toMatch(/no GPIO chip.*Modbus input module/)
    expect(why({ backend: 'chardev' }, { tools: undefined } as object)).toMatch(/package gpiod/)
    expect(why({ backend: 'chardev' }, { chips: [] })).toMatch(/no GPIO chip/)
    expect(why({ backend: 'sysfs' }, { sysfs: false })).toMatch(/backend: auto/)
  })
})

describe('the tools of libgpiod', () => {
  const plain = { activeLow: false }
  it('speaks version 1', () => {
    expect(monitorCommand(one, 'gpiochip0', { activeLow: true, bias: 'none' }, 'both', [3, 4]).join(' ')).toBe('/usr/bin/gpiomon -b -F %o %e %s %n -l -B disable gpiochip0 3 4')
    expect(monitorCommand(one, 'gpiochip0', plain, 'rising', [3])).toContain('-r')
    expect(monitorCommand(one, 'gpiochip0', plain, 'falling', [3])).toContain('-f')
    expect(getCommand(one, 'gpiochip0', { activeLow: false, bias: 'up' }, [1, 2]).join(' ')).toBe('/usr/bin/gpioget -B pull-up gpiochip0 1 2')
    expect(holdCommand(one, 'gpiochip0', { activeLow: true }, 7).join(' ')).toBe('/usr/bin/gpioset -m signal -l gpiochip0 7=')
    expect(infoCommand(one, 'gpiochip0').join(' ')).toBe('/usr/bin/gpioinfo gpiochip0')
  })
  it('speaks version 2', () => {
    expect(monitorCommand(two, 'gpiochip0', { activeLow: true, bias: 'none' }, 'both', [3, 4]).join(' ')).toBe('/opt/v2/gpiomon -C linli -E monotonic -F %o %e %S -e both -l -b disabled -c gpiochip0 3 4')
    expect(getCommand(two, 'gpiochip0', { activeLow: false, bias: 'down' }, [1, 2]).join(' ')).toBe('/opt/v2/gpioget --numeric -b pull-down -c gpiochip0 1 2')
    expect(holdCommand(two, 'gpiochip0', plain, 7).join(' ')).toBe('/opt/v2/gpioset -C linli -c gpiochip0 7=')
    expect(infoCommand(two, 'gpiochip0').join(' ')).toBe('/opt/v2/gpioinfo -c gpiochip0')
  })
  it('reads the edges of both, with unpadded nanoseconds in version 1', () => {
    expect(parseEdge(1, '0 1 3 936215968')).toEqual({ offset: 0, level: true, stampMs: expect.closeTo(3_936.215968, 6) })
    expect(parseEdge(1, '7 0 4 93621')).toEqual({ offset: 7, level: false, stampMs: expect.closeTo(4_000.093621, 6) })
    expect(parseEdge(2, '0 1 4.043607883')).toEqual({ offset: 0, level: true, stampMs: expect.closeTo(4_043.607883, 6) })
    expect(parseEdge(2, '0 2 4.280896109')).toMatchObject({ level: false })
    fc.assert(fc.property(fc.nat(65_535), fc.boolean(), fc.nat(2_000_000), fc.nat(999_999_999), (offset, level, seconds, nanoseconds) => {
      const expected = { offset, level, stampMs: seconds * 1_000 + nanoseconds / 1e6 }
      expect(parseEdge(1, `${offset} ${level ? 1 : 0} ${seconds} ${nanoseconds}`)).toEqual(expected)
      expect(parseEdge(2, `${offset} ${level ? 1 : 2} ${seconds}.${String(nanoseconds).padStart(9, '0')}`)).toEqual(expected)
    }))
  })
  it('takes nothing for an edge that is none', () => {
    for (const text of ['', '0 2 3 4', '0 1 3', '-1 1 3 4', 'gpiomon: error waiting for events', '0 1 3 1234567890', '0 1 x 4']) expect(parseEdge(1, text)).toBeNull()
    for (const text of ['0 0 4.043607883', '0 1 4.04', '0 1 4', 'Monitoring lines...']) expect(parseEdge(2, text)).toBeNull()
    fc.assert(fc.property(fc.string(), (text) => { parseEdge(1, text); parseEdge(2, text) }))
  })
  it('lists chips and lines as both versions print them', () => {
    expect(parseChips('gpiochip0 [gw-gpio] (16 lines)\ngpiochip1 [pinctrl [x]] (1 line)\n')).toEqual([{ name: 'gpiochip0', label: 'gw-gpio', lines: 16 }, { name: 'gpiochip1', label: 'pinctrl [x]', lines: 1 }])
    const old = parseLines('gpiochip0 - 3 lines:\n\tline   0:      "LINE0"    "gpiomon"   input  active-high [used]\n\tline   1:      unnamed       unused  output   active-low \n\tline   2:      "LED 2"      kernel  output  active-high [used]\n').get('gpiochip0')
    const now = parseLines('gpiochip0 - 3 lines:\n\tline   0:\t"LINE0"         \tinput edges=both consumer="gpiomon"\n\tline   1:\tunnamed         \toutput active-low\n\tline   2:\t"LED 2"         \toutput consumer=kernel\n').get('gpiochip0')
    expect(old).toEqual([
      { offset: 0, name: 'LINE0', direction: 'in', activeLow: false, consumer: 'gpiomon' }, { offset: 1, name: null, direction: 'out', activeLow: true, consumer: null },
      { offset: 2, name: 'LED 2', direction: 'out', activeLow: false, consumer: 'kernel' },
    ])
    expect(now).toEqual(old)
  })
  it('finds their version, and refuses one nobody knows', async () => {
    const folder = await tempFolder()
    const install = async (text: string): Promise<void> => { await writeFile(path.join(folder, 'gpiodetect'), `#!/bin/sh\necho "${text}"\n`); await chmod(path.join(folder, 'gpiodetect'), 0o755) }
    expect(await findTools(folder)).toBeUndefined()
    await install('gpiodetect (libgpiod) v2.2.1')
    expect(await findTools(folder)).toEqual({ folder, major: 2, version: 'v2.2.1'.slice(1) })
    await install('gpiodetect (libgpiod) v1.6.3')
    expect((await findTools(folder))?.major).toBe(1)
    await install('gpiodetect (libgpiod) v3.0')
    await expect(findTools(folder)).rejects.toMatchObject({ code: 'GPIO_UNAVAILABLE', message: expect.stringContaining('libgpiod 1 and 2') })
  })
  it('names what there is when a chip or line is not', () => {
    const chips = [{ name: 'gpiochip0', label: 'a', lines: 8 }, { name: 'gpiochip1', label: 'b', lines: 8 }, { name: 'gpiochip2', label: 'b', lines: 8 }]
    expect(chooseChip(chips, 'a', 'x').name).toBe('gpiochip0')
    expect(chooseChip(chips, 'gpiochip2', 'x').name).toBe('gpiochip2')
    expect(chooseChip(chips.slice(0, 1), undefined, 'x').name).toBe('gpiochip0')
    expect(() => chooseChip(chips, undefined, 'x')).toThrow(/say which chip.*"a" \(gpiochip0\)/)
    expect(() => chooseChip(chips, 'b', 'x')).toThrow(/2 chips/)
    const lines = ['A', 'B', 'B'].map((name, offset) => ({ name, offset, direction: 'in' as const, activeLow: false, consumer: null }))
    expect(chooseLine(lines, 'A', chips[0]!, 'x').offset).toBe(0)
    expect(() => chooseLine(lines, 'B', chips[0]!, 'x')).toThrow(/2 lines.*\(1, 2\)/)
  })
})

describe('the guard of an output', () => {
  /** Any file stands for sysfs: the guard only writes it. */
  async function guarded(safe = false) {
    const file = path.join(await tempFolder(), 'value')
    await writeFile(file, '')
    const drops: number[] = []
    const guard = new Guard({ who: 'door.strike', safe, hold: { file }, environment: childEnvironment, dropped: () => drops.push(performance.now()), ended: () => {} })
    return { guard, drops, file, value: async () => (await readFile(file, 'utf8')).trim() }
  }
  it('does what it is told, and the safe state at the end', async () => {
    const { guard, value } = await guarded(true)
    await guard.set(true, 0)
    await guard.set(false, 0)
    expect(await value()).toBe('0')
    await guard.end()
    expect(await value()).toBe('1')
    await expect(guard.set(true, 0)).rejects.toMatchObject({ code: 'GPIO_GUARD' })
  })
  it('drops by itself, once, after the last time it was told', async () => {
    const { guard, drops, value } = await guarded()
    const start = performance.now()
    await guard.set(true, 300)
    await guard.set(true, 600)
    await expect.poll(() => drops.length, { timeout: 5_000 }).toBe(1)
    expect(drops[0]! - start).toBeGreaterThan(590)
    expect(await value()).toBe('0')
    await guard.set(true, 200)
    await guard.set(false, 0)
    await guard.set(true, 0)
    await new Promise((resolve) => { setTimeout(resolve, 400) })
    expect(await value()).toBe('1')
    expect(drops).toHaveLength(1)
    await guard.end()
  })
  it('gives the safe state when the gateway is killed', async () => {
    const file = path.join(await tempFolder(), 'value')
    await writeFile(file, '')
    const module = path.resolve(import.meta.dirname, '../../../drivers/gpio/guard.ts')
    const program = `import { Guard } from ${JSON.stringify(module)}; const guard = new Guard({ who: 'x', safe: true, hold: { file: ${JSON.stringify(file)} }, environment: {PATH: '/usr/bin:/bin'}, dropped() {}, ended() {} }); await guard.set(false, 0); console.log('ready'); setInterval(() => {}, 1000)`
    const gateway = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise((resolve) => { gateway.stdout.once('data', resolve) })
    expect((await readFile(file, 'utf8')).trim()).toBe('0')
    gateway.kill('SIGKILL')
    await expect.poll(async () => (await readFile(file, 'utf8')).trim(), { timeout: 5_000 }).toBe('1')
  })
})
