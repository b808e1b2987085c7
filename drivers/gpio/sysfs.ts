import { access, constants, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Gpio } from 'onoff'
import { describe, DriverError } from '../../gateway/kit/index.ts'
import { endLeftovers, markedEnvironment } from './children.ts'
import { Guard } from './guard.ts'
import { chipBase, sysfs } from './lines.ts'
import type { OpenParts, Pins } from './pins.ts'
import { pointsOf } from './points.ts'
import type { GpioPoint } from './settings.ts'
import { kernelNow } from './stamps.ts'

/** Edges that follow each other faster than the event loop turns are one edge here: the level is read again this often. */
const lookMs = 1_000
const confirmMs = 2_000

/** Opens the lines; outputs are at their safe state afterwards. Throws DriverError, and nothing stays open. */
export async function openSysfs(parts: OpenParts): Promise<Pins> {
  const pins = new SysfsPins(parts)
  try { await pins.open() } catch (error) { await pins[Symbol.asyncDispose](); throw error }
  return pins
}

/** Inputs are onoff's. Outputs are files that a guard writes, and stay exported: letting go of a line would undo its safe state. */
class SysfsPins implements Pins {
  readonly backend = 'sysfs'
  readonly levels = new Map<string, boolean>()
  readonly #parts: OpenParts
  readonly #inputs: { readonly point: GpioPoint; readonly line: Gpio }[] = []
  readonly #guards = new Map<string, { readonly guard: Guard; readonly file: string }>()
  #environment: Record<string, string> = {}
  #cancelLook = (): void => {}
  #closed = false

  constructor(parts: OpenParts) { this.#parts = parts }

  everyEdge(): boolean { return false }

  async open(): Promise<void> {
    const { config } = this.#parts
    const unsupported = pointsOf(config).find(({ address }) => typeof address.line === 'string' || address.pull)
    if (unsupported) throw new DriverError('GPIO_UNSUPPORTED', `connection ${config.id}, ${unsupported.id}: this machine offers sysfs only, which knows no ${unsupported.address.pull ? 'pull resistors; leave pull out and fit one outside' : 'line names; give the offset on the chip'}, or install the package gpiod for the character device`)
    const base = await chipBase(config)
    const role = `pins ${config.id}`
    this.#environment = await markedEnvironment(role)
    await endLeftovers(role)
    const { Gpio: Line } = await loadOnoff(config.id)
    for (const point of pointsOf(config)) {
      const number = base + (point.address.line as number)
      try {
        if (point.address.direction === 'out') await this.#hold(point, number)
        else this.#open(point, new Line(number, 'in', 'both', { activeLow: point.address.activeLow }))
      } catch (cause) {
        if (cause instanceof DriverError) throw cause
        throw new DriverError('GPIO_UNAVAILABLE', `connection ${config.id}, ${point.id}: line ${point.address.line} could not be opened (${describe(cause)}); check the line number, the chip, who else holds it, and that the gateway's user is in group gpio`, { cause, retriable: true })
      }
    }
  }

  async listen(): Promise<void> {
    const { config, events, kit } = this.#parts
    for (const { point, line } of this.#inputs) {
      line.watch((error, value) => {
        if (error) return this.#fail(new DriverError('GPIO_LOST', `connection ${config.id}, ${point.id}: its edges can no longer be heard (${describe(error)}); the connection is opened again`, { cause: error, retriable: true }))
        if (!this.#closed) events.edge(point, { level: value === 1, mono: kernelNow(), at: kit.clock.now() })
      })
    }
    const look = (): void => { this.#cancelLook = kit.clock.after(lookMs, () => void this.#look().then(() => { if (!this.#closed) look() })) }
    look()
  }

  async drive(point: GpioPoint, on: boolean, limitMs: number): Promise<void> {
    const { guard, file } = this.#guards.get(point.id)!
    await guard.set(on, limitMs)
    await this.#confirmed(point, guard, file, on)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#cancelLook()
    for (const { line } of this.#inputs.splice(0)) {
      line.unwatchAll()
      try { line.unexport() } catch { /* the chip is gone, and its line with it */ }
    }
    await Promise.all([...this.#guards.values()].map(({ guard }) => guard.end()))
  }

  #open(point: GpioPoint, line: Gpio): void {
    this.#inputs.push({ point, line })
    this.levels.set(point.id, line.readSync() === 1)
  }

  async #hold(point: GpioPoint, number: number): Promise<void> {
    const { events } = this.#parts
    const { activeLow, safe = false } = point.address
    const folder = path.join(sysfs, `gpio${number}`)
    const here = await access(folder).then(() => true, () => false)
    if (!here) await writeFile(path.join(sysfs, 'export'), String(number))
    await this.#permitted(path.join(folder, 'value'))
    await writeFile(path.join(folder, 'active_low'), activeLow ? '1' : '0')
    // "high" and "low" are electric levels: direction and level in one step, so that nothing flashes.
    await writeFile(path.join(folder, 'direction'), safe !== activeLow ? 'high' : 'low')
    const file = path.join(folder, 'value')
    const guard = new Guard({
      who: point.id, safe, environment: this.#environment, hold: { file },
      dropped: () => events.dropped(point), ended: (error) => { if (!this.#closed) events.failed(error) },
    })
    this.#guards.set(point.id, { guard, file })
    await guard.set(safe, 0)
    await this.#confirmed(point, guard, file, safe)
  }

  /** udev gives the group its rights a moment after the export. */
  async #permitted(file: string): Promise<void> {
    const { kit, signal } = this.#parts
    for (const deadline = kit.clock.monotonic() + confirmMs; kit.clock.monotonic() < deadline; await kit.clock.sleep(20, signal)) {
      if (await access(file, constants.W_OK).then(() => true, () => false)) return
    }
  }

  async #confirmed(point: GpioPoint, guard: Guard, file: string, on: boolean): Promise<void> {
    const seen = await readFile(file, 'latin1').catch(describe)
    if (seen.trim() !== (on ? '1' : '0') || guard.lastWords) throw new DriverError('WRITE_NOT_CONFIRMED', `${point.id}: the line was set to ${on ? 1 : 0} and reads back ${seen.trim()}${guard.lastWords ? ` (${guard.lastWords})` : ''}; see who else drives it`, { retriable: true })
  }

  async #look(): Promise<void> {
    const { config, events, kit } = this.#parts
    try {
      for (const { point, line } of this.#inputs) events.level(point, { level: line.readSync() === 1, mono: kernelNow(), at: kit.clock.now() })
      for (const { file } of this.#guards.values()) await access(file)
    } catch (cause) {
      this.#fail(new DriverError('GPIO_LOST', `connection ${config.id}: its lines have disappeared (${describe(cause)}); plug the chip in again, it is then opened by itself`, { cause, retriable: true }))
    }
  }

  #fail(error: DriverError): void {
    if (this.#closed) return
    this.#closed = true
    this.#parts.events.failed(error)
  }
}

/** onoff loads its native part at once, so it is imported only here. */
async function loadOnoff(id: string): Promise<typeof import('onoff')> {
  try {
    return await import('onoff')
  } catch (cause) {
    throw new DriverError('GPIO_UNAVAILABLE', `connection ${id}: the native part of onoff does not load (${describe(cause)}); run "npm run native" with make and g++ installed, or install the package gpiod for the character device`, { cause })
  }
}
