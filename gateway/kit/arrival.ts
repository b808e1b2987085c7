import type { EpochMs, HistoryEntry } from '../contract/index.ts'

/** When the gateway had it. */
export function arrivalOf(input: HistoryEntry): EpochMs {
  if ('reading' in input) return input.reading.receivedAt
  if ('occurrence' in input) return input.receivedAt
  if ('device' in input) return input.device.at
  if ('restart' in input) return input.restart
  return 'start' in input ? input.at : input.tick
}
