/** The kernel's CLOCK_MONOTONIC in milliseconds: what gpiomon's event stamps count in since Linux 5.7. Not the process's own start. */
export const kernelNow = (): number => Number(process.hrtime.bigint()) / 1e6

/** An edge older than this was not waiting, its stamp is of another clock. */
const oldestMs = 24 * 3_600_000
/** Clocks are read one after the other; an edge cannot be younger than now by more. */
const slackMs = 50

/**
 * How long ago an edge was, from its kernel stamp (milliseconds). Kernels before 5.7 stamp in wall time. undefined when the stamp is of neither
 * clock: then nothing better than the time of arrival is known.
 */
export function ageOf(stampMs: number, kernelMs: number, wallMs: number): number | undefined {
  for (const now of [kernelMs, wallMs]) {
    const age = now - stampMs
    if (age >= -slackMs && age <= oldestMs) return Math.max(0, age)
  }
  return undefined
}
