import type { DriverKit, Intake, Orderer, PointConfig, PointId, PointWriter, Value } from '../contract/index.ts'
import { DriverError, readSecret } from '../kit/index.ts'
import { driverRegistry } from '../../drivers/registry.ts'
import type { LocalBus } from '../actions/index.ts'
import { openCredentialKeys, passingKeys } from '../credential-keys.ts'
import type { LiveValues } from '../live.ts'
import { toRaw } from '../normalise.ts'
import { memoryKey } from '../pipeline.ts'
import { Supervisor } from '../supervisor.ts'
import { runUntilDisposed, type Basics } from './basics.ts'
import type { Store } from './store.ts'

/** Throws where this must not be written by this one: nothing reaches the driver then. */
export type WriteGuard = (point: PointConfig, value: Value, by: Orderer) => void

export interface DeviceOptions extends Basics {
  readonly store: Store
  readonly live: LiveValues
  /** Asked before each write, whoever ordered it. More may be added before anything runs. */
  readonly guards: readonly WriteGuard[]
  accept(connectionId: string, intake: Intake): void
}

export interface Devices {
  readonly supervisors: ReadonlyMap<string, Supervisor>
  readonly writer: PointWriter
  readonly bus: LocalBus
  /** Until the point's connection is up; null when it is, or there is no such point. */
  whenUp(point: PointId): Promise<void> | null
  /** Connects; stopped when the stack is disposed. */
  run(): void
}

/** Every connection of the site, and the road to their outputs. Throws StoreError CREDENTIAL_KEYS, unless the disk is known to be unusable. */
export async function openDevices({ site, log, clock, random, stack, store: { journal, holding }, live, guards, accept }: DeviceOptions): Promise<Devices> {
  const keys = await openCredentialKeys(site.store.path, site.decisions.access.retainDays, clock.now()).catch((error: unknown) => { if (holding) return passingKeys(); throw error })
  const supervisors = new Map(site.connections.map((config) => {
    const child = log.child({ connection: config.id })
    const kit: DriverKit = { clock, random, log: child, hashIdentity: (value) => keys.hash(value), readSecret, recall: (key) => journal.state.get(memoryKey(config.id, key)) }
    return [config.id, new Supervisor({ config, entry: driverRegistry[config.driver]!, kit, clock, random, log: child, accept })]
  }))
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
    run() { for (const supervisor of supervisors.values()) runUntilDisposed(stack, (signal) => supervisor.run(signal)) },
  }
}
