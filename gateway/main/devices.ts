import type { ConnectionConfig, Intake, Orderer, PointConfig, PointId, PointWriter, Value } from '../contract/index.ts'
import { DriverError, readSecret } from '../kit/index.ts'
import { keptConnections } from '../../firmware-config/apply/kept.ts'
import { driverRegistry } from '../../drivers/registry.ts'
import type { LocalBus } from '../actions/index.ts'
import { openCredentialKeys, passingKeys } from '../credential-keys.ts'
import { Line, type LinePorts } from '../line.ts'
import type { LiveValues } from '../live.ts'
import { toRaw } from '../normalise.ts'
import { memoryKey, type Pipeline } from '../pipeline.ts'
import type { Supervisor } from '../supervisor.ts'
import type { Basics } from './basics.ts'
import type { Store } from './store.ts'

/** Throws where this must not be written by this one: nothing reaches the driver then. */
export type WriteGuard = (point: PointConfig, value: Value, by: Orderer) => void

/** Connections whose sessions go on while one gateway follows another, and what was last known of them. */
export interface Handover extends AsyncDisposable { readonly lines: ReadonlyMap<string, Line>; readonly live: LiveValues }

export interface DeviceOptions extends Basics {
  readonly store: Store
  readonly live: LiveValues
  /** Asked before each write, whoever ordered it. More may be added before anything runs. */
  readonly guards: readonly WriteGuard[]
  accept(connectionId: string, intake: Intake): void
  readonly handover?: Handover | undefined
}

export interface Devices {
  readonly supervisors: ReadonlyMap<string, Supervisor>
  readonly writer: PointWriter
  readonly bus: LocalBus
  /** Until the point's connection is up; null when it is, or there is no such point. */
  whenUp(point: PointId): Promise<void> | null
  /** Connects what is not handed over; stopped when the stack is disposed. */
  run(): void
  /** What was handed over belongs to this gateway from now on; its last values are given to the rules before anything that waited. */
  takeOver(pipeline: Pick<Pipeline, 'resume' | 'missed'>): void
  /** For the gateway that follows with these connections. Theirs to dispose. */
  handOver(next: readonly ConnectionConfig[]): Handover
}

/** Every connection of the site, and the road to their outputs. Throws StoreError CREDENTIAL_KEYS, unless the disk is known to be unusable. */
export async function openDevices({ site, log, clock, random, stack, store: { journal, holding }, live, guards, accept, handover }: DeviceOptions): Promise<Devices> {
  const keys = await openCredentialKeys(site.store.path, site.decisions.access.keepDays, clock.now()).catch((error: unknown) => { if (holding) return passingKeys(); throw error })
  const ports = (id: string): LinePorts => ({ hashIdentity: (value) => keys.hash(value), recall: (key) => journal.state.get(memoryKey(id, key)), accept })
  const lines = new Map(site.connections.map((config) => [config.id, handover?.lines.get(config.id) ?? new Line({ config, entry: driverRegistry[config.driver]!, clock, random, log: log.child({ connection: config.id }), readSecret }, ports(config.id))]))
  const supervisors = new Map([...lines].map(([id, { supervisor }]) => [id, supervisor]))
  /** Until they are taken over, and once they are handed on, they are somebody else's. */
  const foreign = new Set(site.connections.map(({ id }) => id).filter((id) => handover?.lines.has(id)))
  const supervisorOf = ({ deviceId }: PointConfig): Supervisor => supervisors.get(live.devices.get(deviceId)!.connectionId)!
  return {
    supervisors,
    whenUp: (id) => { const point = live.points.get(id); return point ? supervisorOf(point).whenUp() : null },
    writer: {
      async write(id, value, signal, by) {
        const point = live.points.get(id)
        if (!point) throw new DriverError('POINT_UNKNOWN', `no point "${id}" in ${site.file}; linli status lists them`)
        for (const guard of guards) guard(point, value, by)
        await supervisorOf(point).write(point, toRaw(value, point), signal)
      },
    },
    bus: {
      async publish(topic, payload, signal) {
        const able = [...supervisors.values()].filter(({ publishes }) => publishes)
        if (able.length === 0) throw new DriverError('PUBLISH_NO_BUS', `nothing is published on ${topic}: no MQTT connection of ${site.file} is up`, { retriable: true })
        await Promise.all(able.map((supervisor) => supervisor.publish(topic, payload, signal)))
      },
    },
    run() {
      for (const [id, line] of lines) if (!foreign.has(id)) line.start()
      stack.defer(async () => { await Promise.all([...lines].map(([id, line]) => (foreign.has(id) ? line.hold() : line.stop()))) })
    },
    takeOver(pipeline) {
      const ids = new Set(foreign)
      foreign.clear()
      pipeline.resume(ids)
      pipeline.missed([...ids].reduce((lost, id) => lost + lines.get(id)!.release(ports(id)), 0))
    },
    handOver(next) {
      const kept = new Map(keptConnections(site.connections, next).map((id) => [id, lines.get(id)!]))
      for (const id of kept.keys()) foreign.add(id)
      return { lines: kept, live, async [Symbol.asyncDispose]() { await Promise.all([...kept.values()].map((line) => line.stop())) } }
    },
  }
}
