import type { EpochMs, RuleInput } from '../contract/index.ts'

/** When the gateway had it. */
export function arrivalOf(input: RuleInput): EpochMs {
  if ('reading' in input) return input.reading.receivedAt
  if ('occurrence' in input) return input.receivedAt
  if ('device' in input) return input.device.at
  return 'start' in input ? input.at : input.tick
}
