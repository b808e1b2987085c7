import type { Clock, SimulatedFault, Simulator, SimulatorParts, Value } from '../../gateway/contract/index.ts'
import { DriverError } from '../../gateway/kit/index.ts'
import { debounceOf, pointsOf, whoOf } from './points.ts'
import type { GpioConfig, GpioPoint } from './settings.ts'
import { SimChip } from './sim-chip.ts'

/** The most pulses one `set` of a counter makes: a wheel turns no faster. */
const mostPulses = 50
const chatter = 8

interface Wire { readonly point: GpioPoint; readonly offset: number; value: Value }

/**
 * The wires of a connection, on a chip of the kernel's gpio-sim: contacts pull their lines, meters pulse them, relays are seen. Faults:
 * `offline` unplugs the chip (for all its devices: it is one), `timeout` sticks the device's contacts, `garbage` lets them chatter.
 * Rejects with DriverError GPIO_UNAVAILABLE where the kernel has no gpio-sim or we are not root.
 */
export async function startGpioSimulator(config: GpioConfig, { clock }: SimulatorParts): Promise<Simulator> {
  const wires = wiresOf(config)
  const names = new Map([...wires.values()].flatMap(({ point, offset }) => (typeof point.address.line === 'string' ? [[offset, point.address.line] as const] : [])))
  const label = config.settings.chip ?? `linli-${config.id}`
  const chip = await SimChip.create(label, Math.max(8, ...[...wires.values()].map(({ offset }) => offset + 1)), names)
  const faults = new Map<string, SimulatedFault>()
  // The kernel's files are written in order; a failed write is a chip that is unplugged, and what it missed is set when it is back.
  let last: Promise<void> = Promise.resolve()
  const inOrder = (task: () => Promise<void>): void => { last = last.then(task).catch(() => {}) }
  const electric = ({ point }: Wire, on: boolean): boolean => on !== point.address.activeLow
  const show = (wire: Wire): Promise<void> => (wire.point.address.count ? chip.pull(wire.offset, electric(wire, wire.point.address.count === 'falling')) : chip.pull(wire.offset, electric(wire, wire.value === true)))
  const pulse = async ({ point, offset }: Wire, on: boolean, count: number): Promise<void> => {
    const rest = point.address.count === 'rising' ? !on : on
    const halfMs = debounceOf(point.address) * 2 + 5
    for (let index = 0; index < Math.min(count, mostPulses); index++) {
      await chip.pull(offset, !rest)
      await clock.sleep(halfMs)
      await chip.pull(offset, rest)
      await clock.sleep(halfMs)
    }
  }
  const find = (pointId: string): Wire => {
    const wire = wires.get(pointId)
    if (!wire) throw new RangeError(`the simulator has no point ${pointId}`)
    return wire
  }

  for (const wire of wires.values()) if (wire.point.address.direction === 'in') await show(wire)
  const poll = watchOutputs([...wires.values()].filter(({ point }) => point.address.direction === 'out'), chip, clock)

  return {
    where: `${chip.name} "${label}"`,
    redirect: config.settings.chip === undefined ? { chip: label } : {},
    set(pointId, raw) {
      const wire = find(pointId)
      if (wire.point.address.direction === 'out') return
      const before = wire.value
      const fault = faults.get(wire.point.deviceId)
      wire.value = raw
      if (fault === 'timeout') return
      inOrder(async () => {
        if (wire.point.address.count) return pulse(wire, electric(wire, true), Math.floor(Number(raw)) - Math.floor(Number(before)))
        if (fault === 'garbage') for (let index = 0; index < chatter; index++) await chip.pull(wire.offset, index % 2 === 0)
        await show(wire)
      })
    },
    get: (pointId) => wires.get(pointId)?.value,
    fault(deviceId, fault) {
      const before = faults.get(deviceId)
      if (fault) faults.set(deviceId, fault); else faults.delete(deviceId)
      const unplugged = [...faults.values()].includes('offline')
      if ((before === 'offline') === unplugged && fault !== 'offline') return
      inOrder(async () => {
        if (unplugged) return chip.unplug()
        await chip.plug()
        for (const wire of wires.values()) if (wire.point.address.direction === 'in') await show(wire)
      })
    },
    async [Symbol.asyncDispose]() {
      poll()
      await last
      await chip[Symbol.asyncDispose]()
    },
  }
}

/** Named lines take the offsets that no number has. Throws DriverError GPIO_LINE_UNKNOWN beyond what gpio-sim makes. */
function wiresOf(config: GpioConfig): ReadonlyMap<string, Wire> {
  const points = pointsOf(config)
  const taken = new Set<number>(points.flatMap(({ address: { line } }) => (typeof line === 'number' ? [line] : [])))
  if ([...taken].some((offset) => offset > 1_023)) throw new DriverError('GPIO_LINE_UNKNOWN', `${whoOf(config)}: a simulated chip has lines 0 to 1023; these are global numbers, name the chip and give offsets`)
  let free = 0
  const offsetOf = ({ address: { line } }: GpioPoint): number => {
    if (typeof line === 'number') return line
    while (taken.has(free)) free++
    taken.add(free)
    return free
  }
  return new Map(points.map((point) => [point.id, { point, offset: offsetOf(point), value: point.address.count ? point.address.initial ?? 0 : false }]))
}

const lookMs = 50

/** What the gateway drives is read from the wire. */
function watchOutputs(wires: readonly Wire[], chip: SimChip, clock: Clock): () => void {
  if (wires.length === 0) return () => {}
  let stopped = false
  let cancel = (): void => {}
  const look = async (): Promise<void> => {
    for (const wire of wires) { const level = await chip.level(wire.offset).catch(() => null); if (level !== null) wire.value = level !== wire.point.address.activeLow }
    if (!stopped) cancel = clock.after(lookMs, () => void look())
  }
  void look()
  return () => { stopped = true; cancel() }
}
