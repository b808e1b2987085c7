import { simulatedFaults, type SimulatedFault } from '../../contract/index.ts'
import { ConfigError } from '../../kit/index.ts'
import { parseDuration } from '../output.ts'

/** `atMs` after the start; `forMs` null is until the end. */
export interface PlannedFault { readonly deviceId: string; readonly fault: SimulatedFault; readonly atMs: number; readonly forMs: number | null }

/** `hall-env:timeout@30s`, `door-east:offline@1m+20s`. Throws ConfigError FAULT_INVALID. */
export function parseFault(text: string): PlannedFault {
  const match = /^([a-z0-9-]+):([a-z]+)(?:@([^+]+))?(?:\+(.+))?$/.exec(text)
  const fault = simulatedFaults.find((name) => name === match?.[2])
  const atMs = match?.[3] === undefined ? 0 : parseDuration(match[3])
  const forMs = match?.[4] === undefined ? null : parseDuration(match[4])
  if (!match || !fault || atMs === undefined || forMs === undefined) throw new ConfigError('FAULT_INVALID', `"${text}" is no fault; write DEVICE:FAULT@WHEN+HOW-LONG, such as hall-env:timeout@30s+10s; faults are ${simulatedFaults.join(', ')}`)
  return { deviceId: match[1]!, fault, atMs, forMs }
}
