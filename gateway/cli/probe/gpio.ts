import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { endLeftovers, markedEnvironment } from '../../../drivers/gpio/children.ts'
import { chooseChip, chooseLine, linesOf, listChips, listLines, type Chip, type ChipLine } from '../../../drivers/gpio/chips.ts'
import { Guard } from '../../../drivers/gpio/guard.ts'
import { sysfs } from '../../../drivers/gpio/lines.ts'
import { Monitor } from '../../../drivers/gpio/monitor.ts'
import { ceilingMs } from '../../../drivers/gpio/ceiling.ts'
import type { Bias } from '../../../drivers/gpio/settings.ts'
import { ageOf, kernelNow } from '../../../drivers/gpio/stamps.ts'
import { findTools, getCommand, holdCommand, monitorCommand, runTool, type LineFlags, type Tools } from '../../../drivers/gpio/tools.ts'
import { BoundedQueue, ConfigError, DriverError, systemClock as clock } from '../../kit/index.ts'
import { paint, print, printJson, stopAfter, stopSignal, table } from '../output.ts'

export interface GpioProbeOptions { readonly chip?: string; readonly activeLow?: boolean; readonly pull?: string; readonly tools?: string; readonly for?: number; readonly yes?: boolean; readonly json?: boolean }

const usage = 'write: list | read LINE… | watch LINE… | set LINE on|off --for 3s --yes; a line is an offset or a name'

/** `linli probe gpio`: the box's own pins, for an installer at the terminals. */
export async function probeGpio(words: readonly string[], options: GpioProbeOptions): Promise<void> {
  const [verb, ...rest] = words
  const tools = await findTools(options.tools)
  if (verb === 'list' || verb === undefined) return await list(tools, options)
  if (!['read', 'watch', 'set'].includes(verb)) throw new ConfigError('PROBE_USAGE', `"${verb}" is nothing to do; ${usage}`)
  if (rest.length === 0) throw new ConfigError('PROBE_USAGE', usage)
  if (!tools) throw new DriverError('GPIO_UNAVAILABLE', `the command-line tools of libgpiod are not installed${options.tools ? ` in ${options.tools}` : ''}; install the package gpiod`)
  const target = await find(tools, verb === 'set' ? rest.slice(0, 1) : rest, options)
  if (verb === 'read') return await read(tools, target, options)
  if (verb === 'watch') return await watch(tools, target, options)
  await set(tools, target, rest.slice(1), options)
}

interface Target { readonly chip: Chip; readonly lines: readonly ChipLine[]; readonly flags: LineFlags }

const nameOf = ({ name, offset }: ChipLine): string => name ?? String(offset)
const onOff = (level: boolean): string => (level ? 'on' : 'off')

async function find(tools: Tools, words: readonly string[], { chip: wanted, activeLow = false, pull }: GpioProbeOptions): Promise<Target> {
  if (pull !== undefined && !['up', 'down', 'none'].includes(pull)) throw new ConfigError('PROBE_USAGE', `--pull is up, down or none, not "${pull}"`)
  const chips = await listChips(tools)
  const all = await listLines(tools)
  const lines = words.map((word) => (/^\d+$/.test(word) ? Number(word) : word))
  // A name says itself which chip is meant.
  const able = wanted === undefined && chips.length > 1 ? chips.filter(({ name }) => lines.every((line) => typeof line === 'string' && all.get(name)?.some((each) => each.name === line))) : []
  const chip = able.length === 1 ? able[0]! : chooseChip(chips, wanted, 'probe')
  return { chip, flags: { activeLow, bias: pull as Bias | undefined }, lines: lines.map((line) => chooseLine(all.get(chip.name) ?? [], line, chip, 'probe')) }
}

async function list(tools: Tools | undefined, { chip: wanted, json }: GpioProbeOptions): Promise<void> {
  if (!tools) return await listSysfs(json)
  const [chips, lines] = await Promise.all([listChips(tools), listLines(tools)])
  const chosen = wanted === undefined ? chips : [chooseChip(chips, wanted, 'probe')]
  if (json) return printJson(chosen.map((chip) => ({ ...chip, lines: lines.get(chip.name) ?? [] })))
  if (chosen.length === 0) return print(paint('yellow', 'this machine has no GPIO chip (no /dev/gpiochip*, or no right to it: group gpio)'))
  for (const chip of chosen) {
    print(`${paint('bold', chip.label)}  ${chip.name}  ${chip.lines} lines`)
    print(table([['LINE', 'NAME', 'DIRECTION', 'ACTIVE', 'HELD BY'], ...(lines.get(chip.name) ?? []).map((line) => [String(line.offset), line.name ?? '', line.direction, line.activeLow ? 'low' : 'high', line.consumer ?? ''])]))
  }
}

/** Without the tools sysfs still knows the chips. */
async function listSysfs(json: boolean | undefined): Promise<void> {
  const names = (await readdir(sysfs).catch(() => [])).filter((name) => name.startsWith('gpiochip'))
  const text = (name: string, file: string): Promise<string> => readFile(path.join(sysfs, name, file), 'latin1').then((value) => value.trim(), () => '')
  const chips = await Promise.all(names.map(async (name) => ({ label: await text(name, 'label'), base: Number(await text(name, 'base')), lines: Number(await text(name, 'ngpio')) })))
  if (chips.length === 0) throw new DriverError('GPIO_UNAVAILABLE', 'this machine shows no GPIO: no tools of libgpiod (package gpiod) and nothing under /sys/class/gpio; use a box with GPIO, or a Modbus input module')
  if (json) return printJson(chips)
  print(table([['CHIP', 'BASE', 'LINES'], ...chips.map(({ label, base, lines }) => [label, String(base), String(lines)])]))
  print(paint('yellow', 'for the lines themselves install the package gpiod'))
}

async function levelsOf(tools: Tools, { chip, lines, flags }: Target): Promise<boolean[]> {
  const held = lines.find(({ consumer }) => consumer !== null)
  if (held) throw new DriverError('GPIO_BUSY', `line ${nameOf(held)} of "${chip.label}" is held by "${held.consumer}"; stop that program first, or ask the running gateway: linli read`)
  const words = (await runTool(getCommand(tools, chip.name, flags, lines.map(({ offset }) => offset)))).trim().split(/\s+/)
  return words.map((word) => word === '1')
}

async function read(tools: Tools, target: Target, { json }: GpioProbeOptions): Promise<void> {
  const levels = await levelsOf(tools, target)
  const rows = target.lines.map((line, index) => ({ chip: target.chip.label, line: line.offset, name: line.name, on: levels[index]! }))
  if (json) return printJson(rows)
  print(table([['LINE', 'NAME', ''], ...rows.map(({ line, name, on }) => [String(line), name ?? '', onOff(on)])]))
}

async function watch(tools: Tools, target: Target, { json, for: forMs }: GpioProbeOptions): Promise<void> {
  const { chip, lines, flags } = target
  const stop = stopSignal()
  const signal = stopAfter(stop, forMs)
  await read(tools, target, json ? { json } : {})
  const queue = new BoundedQueue<{ readonly line: ChipLine; readonly on: boolean; readonly at: number }>(10_000)
  signal.addEventListener('abort', () => queue.close(), { once: true })
  const monitor = new Monitor({
    command: monitorCommand(tools, chip.name, flags, 'both', lines.map(({ offset }) => offset)), major: tools.major, environment: await markedEnvironment('probe'), clock,
    edge: ({ offset, level, stampMs }) => {
      const wall = clock.now()
      queue.push({ line: lines.find((line) => line.offset === offset)!, on: level, at: wall - (ageOf(stampMs, kernelNow(), wall) ?? 0) })
    },
    flooded: () => process.stderr.write(`${paint('yellow', 'more edges than can be shown; some are left out', process.stderr)}\n`),
    ended: (error) => queue.fail(error),
  })
  let before: number | null = null
  try {
    for await (const { line, on, at } of queue) {
      if (json) printJson({ line: line.offset, name: line.name, on, at: new Date(at).toISOString() })
      else print(`${new Date(at).toISOString()}  ${nameOf(line)}  ${on ? paint('green', 'on') : 'off'}${before === null ? '' : `  +${(at - before).toFixed(1)} ms`}`)
      before = at
    }
  } finally { await monitor.stop() }
}

/** On or off for a limited time, by a guard that keeps the limit whatever happens to this program; then the line is let go. */
async function set(tools: Tools, { chip, lines: [line], flags }: Target, [word]: readonly string[], { for: forMs, yes, json }: GpioProbeOptions): Promise<void> {
  const on = word === 'on' ? true : word === 'off' ? false : undefined
  if (on === undefined || forMs === undefined || forMs < 10 || forMs > ceilingMs) throw new ConfigError('PROBE_USAGE', 'say on or off, and --for how long: 10ms to 60s')
  if (line!.consumer !== null) throw new DriverError('GPIO_BUSY', `line ${nameOf(line!)} of "${chip.label}" is held by "${line!.consumer}"; stop that program first, or use the running gateway: linli write`)
  const what = `line ${nameOf(line!)} of "${chip.label}" ${onOff(on)} for ${forMs} ms`
  if (!yes) throw new ConfigError('PROBE_USAGE', `this would set ${what}, and whatever is wired to it would move; say --yes when that is safe`)
  const stop = stopSignal()
  const role = `probe ${chip.name} ${line!.offset}`
  let over = (): void => {}
  let failed = (_: unknown): void => {}
  const done = new Promise<void>((resolve, reject) => { over = resolve; failed = reject })
  done.catch(() => {})
  const guard = new Guard({ who: `line ${nameOf(line!)}`, safe: false, hold: { command: holdCommand(tools, chip.name, flags, line!.offset) }, environment: await markedEnvironment(role), dropped: over, ended: failed })
  try {
    await guard.set(on, forMs)
    await clock.sleep(50)
    const held = (await linesOf(tools, chip.name))[line!.offset]
    if (guard.lastWords || !held?.consumer) throw new DriverError('WRITE_NOT_CONFIRMED', `${what} was not done: ${guard.lastWords || 'nobody holds the line'}`)
    if (!json) print(`${what} …`)
    stop.addEventListener('abort', () => over(), { once: true })
    await done
  } finally {
    await guard.end()
    await clock.sleep(50)
    await endLeftovers(role)
  }
  if (json) printJson({ chip: chip.label, line: line!.offset, set: on, forMs })
  else print('off again, and the line is free')
}
