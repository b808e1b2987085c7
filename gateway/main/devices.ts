import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { DriverKit, Intake, PointWriter } from '../contract/index.ts'
import { DriverError, keyedHash, readSecret } from '../kit/index.ts'
import { driverRegistry } from '../../drivers/registry.ts'
import type { LiveValues } from '../live.ts'
import { toRaw } from '../normalise.ts'
import { memoryKey } from '../pipeline.ts'
import { Supervisor } from '../supervisor.ts'
import { runUntilDisposed, type Basics } from './basics.ts'
import type { Store } from './store.ts'

export interface DeviceOptions extends Basics {
  readonly store: Store
  readonly live: LiveValues
  accept(connectionId: string, intake: Intake): void
}

export interface Devices {
  readonly supervisors: ReadonlyMap<string, Supervisor>
  readonly writer: PointWriter
  /** Connects; stopped when the stack is disposed. */
  run(): void
}

/** Every connection of the site, and the road to their outputs. Throws what the site's key file throws, unless the disk is known to be unusable. */
export async function openDevices({ site, log, clock, random, stack, store: { journal, holding }, live, accept }: DeviceOptions): Promise<Devices> {
  const siteKey = await loadSiteKey(path.join(site.store.path, 'site.key')).catch((error: unknown) => { if (holding) return randomBytes(32); throw error })
  const supervisors = new Map(site.connections.map((config) => {
    const child = log.child({ connection: config.id })
    const kit: DriverKit = { clock, random, log: child, hashIdentity: (value) => keyedHash(siteKey, value), readSecret, recall: (key) => journal.state.get(memoryKey(config.id, key)) }
    return [config.id, new Supervisor({ config, entry: driverRegistry[config.driver]!, kit, clock, random, log: child, accept })]
  }))
  return {
    supervisors,
    writer: {
      async write(id, value, signal) {
        const point = live.points.get(id)
        if (!point) throw new DriverError('POINT_UNKNOWN', `no point "${id}" in ${site.file}; linli status lists them`)
        await supervisors.get(live.devices.get(point.deviceId)!.connectionId)!.write(point, toRaw(value, point), signal)
      },
    },
    run() { for (const supervisor of supervisors.values()) runUntilDisposed(stack, (signal) => supervisor.run(signal)) },
  }
}

/** 32 random bytes, made on the first start, readable by the gateway's user alone. Without it no credential hash can be repeated. */
async function loadSiteKey(file: string): Promise<Uint8Array> {
  const fresh = randomBytes(32)
  await writeFile(file, fresh, { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => { if (error.code !== 'EEXIST') throw error })
  return readFile(file)
}
