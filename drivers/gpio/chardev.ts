import { access } from 'node:fs/promises'
import { DriverError } from '../../gateway/kit/index.ts'
import { endLeftovers, markedEnvironment } from './children.ts'
import { chooseChip, chooseLine, linesOf, listChips, listLines, type Chip, type ChipLine } from './chips.ts'
import { recordKey } from './count.ts'
import { Guard } from './guard.ts'
import { Monitor } from './monitor.ts'
import type { OpenParts, Pins } from './pins.ts'
import { debounceOf, pointsOf, whoOf } from './points.ts'
import type { GpioConfig, GpioPoint } from './settings.ts'
import { Spool, spoolFolder } from './spool.ts'
import { ageOf, kernelNow } from './stamps.ts'
import { getCommand, holdCommand, monitorCommand, runTool, type EdgeLine, type LineFlags, type Tools } from './tools.ts'

interface Wire { readonly point: GpioPoint; readonly offset: number }
interface Group { readonly flags: LineFlags; readonly wires: readonly Wire[]; monitor: Monitor | null; rereads: number; again: () => void }

/** The kernel confirms a request within this, or something else has the line. */
const confirmMs = 3_000
const watchMs = 1_000
/** In rounds of the watch: that outputs are still held. */
const heldEvery = 10
const heldAgainMs = 500
/**
 * The character device has no read beside a listener. A level that changed in the moment between the two (some milliseconds), or whose edge the
 * kernel had no room for, is found by reading again: after this long, then after four times as long, up to the last.
 */
const rereadMs = { first: 1_000, last: 600_000, factor: 4 }
/** gpiomon 1 takes 64 lines. */
const linesPerMonitor = 32

/** Opens the lines; outputs are at their safe state afterwards. Throws DriverError, and nothing stays open. */
export async function openChardev(parts: OpenParts, tools: Tools): Promise<Pins> {
  const pins = new ChardevPins(parts, tools)
  try { await pins.open() } catch (error) { await pins[Symbol.asyncDispose](); throw error }
  return pins
}

class ChardevPins implements Pins {
  readonly backend = 'chardev'
  readonly levels = new Map<string, boolean>()
  readonly #parts: OpenParts
  readonly #tools: Tools
  readonly #guards = new Map<string, { readonly guard: Guard; readonly wire: Wire }>()
  readonly #spools: Spool[] = []
  #groups: Group[] = []
  #counters: Wire[] = []
  #chip: Chip = { name: '', label: '', lines: 0 }
  #environment: Record<string, string> = {}
  #cancelWatch = (): void => {}
  #closed = false

  constructor(parts: OpenParts, tools: Tools) { this.#parts = parts; this.#tools = tools }

  everyEdge({ address }: GpioPoint): boolean { return address.count !== undefined && debounceOf(address) === 0 }

  async open(): Promise<void> {
    const { config } = this.#parts
    const role = `pins ${config.id}`
    this.#environment = await markedEnvironment(role)
    await endLeftovers(role)
    this.#chip = await chipFor(config, this.#tools)
    const lines = await linesOf(this.#tools, this.#chip.name)
    const wires = resolve(config, this.#chip, lines)
    this.#counters = wires.filter(({ point }) => point.address.count)
    await this.#untilFree(wires.filter(({ point }) => !point.address.count))
    for (const wire of wires.filter(({ point }) => point.address.direction === 'out')) await this.#hold(wire)
    this.#groups = groupsOf(wires.filter(({ point }) => point.address.direction === 'in' && !point.address.count))
    for (const group of this.#groups) for (const [id, level] of await this.#read(group.flags, group.wires)) this.levels.set(id, level)
    await this.#readCounters(lines)
  }

  async listen(): Promise<void> {
    for (const group of this.#groups) await this.#monitor(group)
    await this.#countPulses()
    this.#watch(1)
  }

  async drive(point: GpioPoint, on: boolean, limitMs: number): Promise<void> {
    const { guard, wire } = this.#guards.get(point.id)!
    await guard.set(on, limitMs)
    await this.#confirmed(wire, guard)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#cancelWatch()
    for (const group of this.#groups) group.again()
    await Promise.all([
      ...this.#groups.map(({ monitor }) => monitor?.stop()),
      ...this.#spools.map((spool) => spool.close()),
      ...[...this.#guards.values()].map(({ guard, wire }) => guard.end().then(() => this.#confirmed(wire, guard, null)).catch(() => {})),
    ])
  }

  /** What a crash left behind is being ended; anybody else's hold on a line is an error that names him. */
  async #untilFree(wires: readonly Wire[]): Promise<void> {
    const { kit, config, signal } = this.#parts
    for (let waited = 0; ; waited += 20) {
      const lines = await linesOf(this.#tools, this.#chip.name)
      const taken = wires.flatMap((wire) => { const line = lines[wire.offset]; return line?.consumer ? [{ wire, line }] : [] })[0]
      if (!taken) return
      if (waited >= 1_000) throw busy(config, taken.wire, taken.line, this.#chip)
      await kit.clock.sleep(20, signal)
    }
  }

  async #hold(wire: Wire): Promise<void> {
    const { events } = this.#parts
    const { point: { id, address }, offset } = wire
    const safe = address.safe ?? false
    const guard = new Guard({
      who: id, safe, environment: this.#environment, hold: { command: holdCommand(this.#tools, this.#chip.name, flagsOf(wire), offset) },
      dropped: () => events.dropped(wire.point), ended: (error) => { if (!this.#closed) events.failed(error) },
    })
    this.#guards.set(id, { guard, wire })
    await guard.set(safe, 0)
    await this.#confirmed(wire, guard)
  }

  /** gpioset tells nothing when it works: the kernel's own list does. Throws DriverError WRITE_NOT_CONFIRMED. */
  async #confirmed({ point, offset }: Wire, guard: Guard, signal: AbortSignal | null = this.#parts.signal): Promise<void> {
    const { kit } = this.#parts
    const deadline = kit.clock.monotonic() + confirmMs
    for (;;) {
      const line = (await linesOf(this.#tools, this.#chip.name))[offset]
      if (!guard.lastWords && line?.direction === 'out' && /^(gpioset|linli)$/.test(line.consumer ?? '')) return
      if (guard.lastWords || kit.clock.monotonic() > deadline) {
        throw new DriverError('WRITE_NOT_CONFIRMED', `${point.id}: line ${offset} of ${this.#chip.name} did not take the value (${guard.lastWords || `held by ${line?.consumer ?? 'nobody'}`}); see who holds it with: linli probe gpio list`, { retriable: true })
      }
      await kit.clock.sleep(10, signal ?? undefined)
    }
  }

  async #read(flags: LineFlags, wires: readonly Wire[]): Promise<(readonly [id: string, level: boolean])[]> {
    const words = (await runTool(getCommand(this.#tools, this.#chip.name, flags, wires.map(({ offset }) => offset)))).trim().split(/\s+/)
    return wires.map(({ point }, index) => {
      const word = words[index]
      if (word !== '0' && word !== '1') throw new DriverError('GPIO_TOOL', `${point.id}: gpioget answered "${words.join(' ')}" and not a 0 or 1 for each line; check the gpiod tools`, { retriable: true })
      return [point.id, word === '1'] as const
    })
  }

  /** A counter that somebody of ours still counts cannot be read, and need not be: its contact's state was stored with its total. */
  async #readCounters(lines: readonly ChipLine[]): Promise<void> {
    for (const wire of this.#counters) {
      const [read] = lines[wire.offset]?.consumer ? [] : await this.#read(flagsOf(wire), [wire])
      this.levels.set(wire.point.id, read?.[1] ?? wire.point.address.count === 'falling')
    }
  }

  async #monitor(group: Group): Promise<void> {
    const { kit, events, signal } = this.#parts
    const byOffset = new Map(group.wires.map((wire) => [wire.offset, wire.point]))
    const points = group.wires.map(({ point }) => point)
    const monitor = group.monitor = new Monitor({
      command: monitorCommand(this.#tools, this.#chip.name, group.flags, 'both', [...byOffset.keys()]), major: this.#tools.major, environment: this.#environment, clock: kit.clock,
      edge: (edge) => { const point = byOffset.get(edge.offset); if (point) events.edge(point, this.#timed(edge)) },
      flooded: () => { events.flooded(points); group.rereads = 0; this.#rereadLater(group) },
      ended: (error) => { if (!this.#closed) events.failed(error) },
    })
    await this.#untilHeld(group.wires, () => monitor.ended, signal)
    this.#rereadLater(group)
  }

  async #untilHeld(wires: readonly Wire[], ended: () => boolean, signal: AbortSignal): Promise<void> {
    const deadline = this.#parts.kit.clock.monotonic() + confirmMs
    for (;;) {
      const lines = await linesOf(this.#tools, this.#chip.name)
      const free = wires.find(({ offset }) => !lines[offset]?.consumer)
      if (!free || ended() || this.#closed) return
      if (this.#parts.kit.clock.monotonic() > deadline) throw new DriverError('GPIO_LOST', `${free.point.id}: nobody listens to line ${free.offset} of ${this.#chip.name} after ${confirmMs} ms; the connection is opened again`, { retriable: true })
      await this.#parts.kit.clock.sleep(10, signal)
    }
  }

  #rereadLater(group: Group): void {
    if (this.#closed) return
    group.again()
    const { first, last, factor } = rereadMs
    group.again = this.#parts.kit.clock.after(Math.min(last, first * factor ** group.rereads), () => { group.rereads++; void this.#reread(group) })
  }

  async #reread(group: Group): Promise<void> {
    const { events, kit } = this.#parts
    try {
      await group.monitor?.stop()
      if (this.#closed) return
      const mono = kernelNow()
      const at = kit.clock.now()
      const levels = new Map(await this.#read(group.flags, group.wires))
      for (const { point } of group.wires) events.level(point, { level: levels.get(point.id)!, mono, at })
      if (!this.#closed) await this.#monitor(group)
      if (this.#closed) await group.monitor?.stop()
    } catch (error) {
      // The tools' own words about a chip that is gone say less.
      await this.#stillThere()
      this.#fail(error instanceof DriverError ? error : new DriverError('GPIO_LOST', `connection ${this.#parts.config.id}: its lines could not be read again; the connection is opened anew`, { cause: error, retriable: true }))
    }
  }

  async #countPulses(): Promise<void> {
    const { config, kit, events, records, signal } = this.#parts
    if (this.#counters.length === 0) return
    const folder = await spoolFolder(config.settings.spool)
    for (const wire of this.#counters) {
      const { point, offset } = wire
      const spool = new Spool({
        name: `${config.id}.${point.id}`, folder, major: this.#tools.major, clock: kit.clock, from: records.get(recordKey(point.id)),
        command: monitorCommand(this.#tools, this.#chip.name, flagsOf(wire), this.everyEdge(point) ? point.address.count! : 'both', [offset]),
        edge: (edge, place) => { if (edge) events.edge(point, this.#timed(edge), place); else events.place(point, place) },
        ended: (error) => { if (!this.#closed) events.failed(error) },
      })
      this.#spools.push(spool)
      await spool.open()
      await this.#untilHeld([wire], () => false, signal)
    }
  }

  #timed({ level, stampMs }: EdgeLine) {
    const now = kernelNow()
    const wall = this.#parts.kit.clock.now()
    const age = ageOf(stampMs, now, wall)
    return { level, mono: now - (age ?? 0), at: wall - Math.round(age ?? 0) }
  }

  #watch(round: number): void {
    this.#cancelWatch = this.#parts.kit.clock.after(watchMs, () => void this.#stillThere()
      .then(() => (round % heldEvery === 0 ? this.#stillHeld() : undefined))
      .then(() => { if (!this.#closed) this.#watch(round + 1) }))
  }

  /** A gpioset that was killed tells nobody either. Twice, because a line is free for a moment while its value changes. */
  async #stillHeld(): Promise<void> {
    const free = async (): Promise<Wire | undefined> => {
      const lines = await linesOf(this.#tools, this.#chip.name).catch(() => [])
      return [...this.#guards.values()].find(({ wire }) => lines[wire.offset]?.consumer === null)?.wire
    }
    const first = this.#guards.size > 0 && !this.#closed ? await free() : undefined
    if (!first) return
    await this.#parts.kit.clock.sleep(heldAgainMs)
    if (this.#closed || (await free())?.point.id !== first.point.id) return
    this.#fail(new DriverError('GPIO_GUARD', `${first.point.id}: nobody holds line ${first.offset} any more; it is taken again, at the safe state`, { retriable: true }))
  }

  /** A chip that was unplugged tells nobody: its listeners go on waiting. */
  async #stillThere(): Promise<void> {
    if (this.#closed || await access(`/dev/${this.#chip.name}`).then(() => true, () => false)) return
    const { config } = this.#parts
    this.#fail(new DriverError('GPIO_LOST', `connection ${config.id}: chip "${this.#chip.label}" (/dev/${this.#chip.name}) has disappeared; plug it in again, it is then opened by itself`, { retriable: true }))
  }

  #fail(error: DriverError): void {
    if (this.#closed) return
    this.#closed = true
    this.#parts.events.failed(error)
  }
}

const flagsOf = ({ point: { address } }: Wire): LineFlags => ({ activeLow: address.activeLow, bias: address.pull })

function groupsOf(wires: readonly Wire[]): Group[] {
  const groups = new Map<string, Wire[]>()
  for (const wire of wires) {
    const { activeLow, bias } = flagsOf(wire)
    const key = `${activeLow} ${bias}`
    groups.set(key, [...groups.get(key) ?? [], wire])
  }
  return [...groups.values()].flatMap((all) => Array.from({ length: Math.ceil(all.length / linesPerMonitor) }, (_, index): Group => ({
    flags: flagsOf(all[0]!), wires: all.slice(index * linesPerMonitor, (index + 1) * linesPerMonitor), monitor: null, rereads: 0, again: () => {},
  })))
}

/** Without `chip`, the only one; or the only one that has all lines that are named. */
async function chipFor(config: GpioConfig, tools: Tools): Promise<Chip> {
  const chips = await listChips(tools)
  const names = pointsOf(config).flatMap(({ address: { line } }) => (typeof line === 'string' ? [line] : []))
  if (config.settings.chip === undefined && chips.length > 1 && names.length > 0) {
    const lines = await listLines(tools)
    const able = chips.filter(({ name }) => names.every((wanted) => lines.get(name)?.some((line) => line.name === wanted)))
    if (able.length === 1) return able[0]!
  }
  return chooseChip(chips, config.settings.chip, whoOf(config))
}

function resolve(config: GpioConfig, chip: Chip, lines: readonly ChipLine[]): Wire[] {
  const owners = new Map<number, string>()
  return pointsOf(config).map((point) => {
    const { offset } = chooseLine(lines, point.address.line, chip, `connection ${config.id}, ${point.id}`)
    const other = owners.get(offset)
    if (other) throw new DriverError('GPIO_BUSY', `${point.id}: line "${point.address.line}" is offset ${offset}, which is already point "${other}"; correct one of them`)
    owners.set(offset, point.id)
    return { point, offset }
  })
}

function busy({ id }: GpioConfig, { point, offset }: Wire, { consumer, name }: ChipLine, chip: Chip): DriverError {
  const free = consumer === 'sysfs' ? `free it with: echo N > /sys/class/gpio/unexport` : 'stop that program, or use another line'
  return new DriverError('GPIO_BUSY', `connection ${id}, ${point.id}: line ${offset}${name ? ` (${name})` : ''} of "${chip.label}" is held by "${consumer}"; ${free}`, { retriable: true, values: { consumer, offset } })
}
