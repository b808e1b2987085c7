import { onTestFinished } from 'vitest'
import type { ConnectionConfig, DeviceStatus, Driver, DriverKit, Intake, Sample, Session } from '../../gateway/contract/index.ts'
import { keyedHash, readSecret, silentLog, systemClock } from '../../gateway/kit/index.ts'

export const testKit = (): DriverKit => ({
  clock: systemClock, random: () => 0.5, log: silentLog(), hashIdentity: (value) => keyedHash(Buffer.from('test'), value), readSecret, recall: async () => undefined,
})

export interface Running {
  readonly session: Session
  readonly intakes: Intake[]
  /** The last sample of a point. */
  last(pointId: string): Sample | undefined
  state(deviceId: string): DeviceStatus | undefined
  /** What ended the intake; undefined while it runs. */
  readonly ended: Promise<unknown>
  stop(): Promise<void>
}

/** Connects and pumps the intake as the supervisor does. `settle: 'at once'` answers stored; otherwise the test does. */
export async function runSession(driver: Driver, config: ConnectionConfig, kit: DriverKit = testKit(), settle: 'at once' | 'by the test' = 'at once'): Promise<Running> {
  const stop = new AbortController()
  const session = await driver.connect(config, kit, stop.signal)
  const intakes: Intake[] = []
  const ended = (async () => {
    try {
      for await (const intake of session.intake(stop.signal)) {
        intakes.push(intake)
        if (settle === 'at once') intake.settled?.('stored')
      }
    } catch (error) { return error }
  })()
  const end = async (): Promise<void> => { stop.abort(); await ended; await session[Symbol.asyncDispose]() }
  onTestFinished(end)
  return {
    session, intakes, ended, stop: end,
    last: (pointId) => intakes.flatMap(({ samples }) => samples).findLast((sample) => sample.pointId === pointId),
    state: (deviceId) => intakes.flatMap(({ devices = [] }) => devices).findLast((status) => status.deviceId === deviceId),
  }
}
