import type { Gpio } from 'onoff'
import type { Driver, DriverKit, Intake, PointConfig, Session, Value } from '../../gateway/contract/index.ts'
import { BoundedQueue, describe, DriverError } from '../../gateway/kit/index.ts'
import { chipBase } from './lines.ts'
import type { GpioAddress, GpioConfig, GpioConnection } from './schema.ts'

type GpioPoint = PointConfig<GpioAddress>

/** Contacts and relays on the box's own pins, through sysfs. Without GPIO it says so and the rest of the site runs on. */
export const gpioDriver: Driver<GpioConnection, object, GpioAddress> = {
  name: 'gpio',
  async connect(config, kit) {
    const base = await chipBase(config)
    const { Gpio } = await loadOnoff(config)
    const session = new GpioSession(config, kit)
    try {
      session.open(Gpio, base)
    } catch (cause) {
      await session[Symbol.asyncDispose]()
      throw new DriverError('GPIO_UNAVAILABLE', `connection ${config.id}: a line could not be opened (${describe(cause)}); check the line numbers, the chip, and that the gateway's user is in group gpio`, { cause, retriable: true })
    }
    return session
  },
}

/** onoff loads its native part at once, so it is imported only here. */
async function loadOnoff({ id }: GpioConfig): Promise<typeof import('onoff')> {
  try {
    return await import('onoff')
  } catch (cause) {
    throw new DriverError('GPIO_UNAVAILABLE', `connection ${id}: the native part of onoff does not load (${describe(cause)}); run "npm run native" with make and g++ installed`, { cause })
  }
}

class GpioSession implements Session<GpioAddress> {
  readonly #config: GpioConfig
  readonly #kit: DriverKit
  readonly #lines = new Map<string, { readonly line: Gpio; readonly point: GpioPoint }>()
  readonly #queue = new BoundedQueue<Intake>(10_000)

  constructor(config: GpioConfig, kit: DriverKit) { this.#config = config; this.#kit = kit }

  open(Line: typeof Gpio, base: number): void {
    const { clock } = this.#kit
    const at = clock.now()
    for (const point of this.#config.devices.flatMap(({ points }) => points)) {
      const { line: offset, direction, edge, debounce, activeLow } = point.address
      const line = direction === 'in'
        ? new Line(base + offset, 'in', edge, { debounceTimeout: debounce, activeLow })
        : new Line(base + offset, 'out', 'none', { activeLow, reconfigureDirection: false })
      this.#lines.set(point.id, { line, point })
      this.#see(point, line.readSync())
      if (direction === 'in') line.watch((error, value) => { if (error) this.#queue.fail(error); else this.#see(point, value) })
    }
    this.#queue.push({ samples: [], devices: this.#config.devices.map(({ id }) => ({ deviceId: id, state: 'online', at })) })
  }

  async *intake(signal: AbortSignal): AsyncGenerator<Intake, void, void> {
    const aborted = (): void => this.#queue.close()
    signal.addEventListener('abort', aborted, { once: true })
    try { yield* this.#queue } finally { signal.removeEventListener('abort', aborted) }
  }

  async write(point: GpioPoint, raw: Value): Promise<void> {
    const found = this.#lines.get(point.id)
    if (!found) throw new DriverError('POINT_UNKNOWN', `${point.id} is not on connection ${this.#config.id}`)
    const wanted = raw === true || raw === 1 ? 1 : 0
    await found.line.write(wanted)
    const seen = await found.line.read()
    this.#see(point, seen)
    if (seen !== wanted) throw new DriverError('WRITE_NOT_CONFIRMED', `${point.id}: the line was set to ${wanted} and reads back ${seen}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { line, point } of this.#lines.values()) {
      if (point.address.direction === 'out' && point.address.safe !== undefined) line.writeSync(point.address.safe ? 1 : 0)
      line.unwatchAll()
      line.unexport()
    }
    this.#lines.clear()
    this.#queue.close()
  }

  #see(point: GpioPoint, value: number): void {
    this.#queue.push({ samples: [{ pointId: point.id, raw: value === 1, at: this.#kit.clock.now(), quality: 'good' }] })
  }
}
