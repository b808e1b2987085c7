import type { Clock, Random } from './clock.ts'
import type { ConnectionConfig } from './config.ts'
import type { PointId, Value } from './values.ts'

/** How a simulated device can fail. `timeout`: it hears and says nothing; `garbage`: it answers nonsense; `offline`: its connection is gone. */
export const simulatedFaults = ['timeout', 'garbage', 'offline'] as const
export type SimulatedFault = (typeof simulatedFaults)[number]

/**
 * The devices of one connection, on the real protocol, as the gateway would meet them. It knows protocol and addresses from the
 * resolved configuration and no physics: the world that moves its values calls `set`. Used by `linli simulate`, the demo and tests only.
 */
export interface Simulator extends AsyncDisposable {
  /** Where it really listens, in words: `127.0.0.1:1502`, a pty's path. */
  readonly where: string
  /** Connection keys the gateway must be told to find it, when the site file's own cannot be served on this machine; empty otherwise. */
  readonly redirect: Readonly<Record<string, unknown>>
  /** Raw value of a point as a device would hold it. Pushed protocols send it. Throws RangeError for a point it does not have. */
  set(pointId: PointId, raw: Value): void
  /** The raw value now: what was set, or what the gateway wrote. */
  get(pointId: PointId): Value | undefined
  /** Null ends the fault. */
  fault(deviceId: string, fault: SimulatedFault | null): void
}

export interface SimulatorParts {
  readonly clock: Clock
  readonly random: Random
}

export type StartSimulator<Config extends ConnectionConfig<any, any, any> = ConnectionConfig> = (config: Config, parts: SimulatorParts) => Promise<Simulator>
