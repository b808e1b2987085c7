import { didYouMean } from '../../kit/suggest.ts'
import { simulatedFaults, type Clock, type SimulatedFault } from '../../contract/index.ts'
import { ConfigError } from '../../kit/index.ts'
import { parseDuration } from '../output.ts'

/** `atMs` after the start; `forMs` null is until the end. */
export interface PlannedFault { readonly deviceId: string; readonly fault: SimulatedFault; readonly atMs: number; readonly forMs: number | null }

/** A timer of the system holds no more. */
const longestMs = 24 * 24 * 3_600_000

/** `hall-env:timeout@30s`, `door-east:offline@1m+20s`. Throws ConfigError FAULT_INVALID that names the part that is wrong. */
export function parseFault(text: string): PlannedFault {
  const refuse = (why: string): never => { throw new ConfigError('FAULT_INVALID', `"${text}" is no fault: ${why}; write DEVICE:FAULT@WHEN+HOW-LONG, such as hall-env:timeout@30s+10s; faults are ${simulatedFaults.join(', ')}`) }
  const match = /^([^:@+]+):([^:@+]*)(?:@([^:@+]*))?(?:\+([^:@+]*))?$/.exec(text)
  if (!match) return refuse('it needs a device, a colon and a fault')
  const [, deviceId, word, when, howLong] = match as unknown as [string, string, string, string | undefined, string | undefined]
  const fault = simulatedFaults.find((name) => name === word) ?? refuse(`there is no fault "${word}"${didYouMean(word, simulatedFaults)}`)
  const duration = (part: string): number => {
    const ms = parseDuration(part) ?? refuse(`"${part}" is no duration (20s, 5m, 1h)`)
    return ms <= longestMs ? ms : refuse(`${part} is longer than 24 days`)
  }
  return { deviceId, fault, atMs: when === undefined ? 0 : duration(when), forMs: howLong === undefined ? null : duration(howLong) }
}

/**
 * Begins and ends the faults as planned; returns what stops it. Of several at once on a device the last to begin is shown, and when it
 * ends an earlier one that still holds comes back.
 */
export function playFaults(planned: readonly PlannedFault[], clock: Pick<Clock, 'after'>, show: (deviceId: string, fault: SimulatedFault | null) => void): () => void {
  const active = new Map<string, readonly PlannedFault[]>()
  const shown = new Map<string, SimulatedFault | null>()
  const change = (deviceId: string, faults: readonly PlannedFault[]): void => {
    active.set(deviceId, faults)
    const fault = faults.at(-1)?.fault ?? null
    if ((shown.get(deviceId) ?? null) === fault) return
    shown.set(deviceId, fault)
    show(deviceId, fault)
  }
  const cancels = planned.flatMap((plan) => {
    const { deviceId, atMs, forMs } = plan
    const now = (): readonly PlannedFault[] => active.get(deviceId) ?? []
    return [
      clock.after(atMs, () => change(deviceId, [...now(), plan])),
      ...(forMs === null ? [] : [clock.after(atMs + forMs, () => change(deviceId, now().filter((other) => other !== plan)))]),
    ]
  })
  return () => { for (const cancel of cancels) cancel() }
}
