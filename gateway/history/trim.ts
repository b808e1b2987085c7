import { statfs } from 'node:fs/promises'
import type { EpochMs } from '../contract/index.ts'
import type { HourFiles } from './hours.ts'
import type { BlockLog } from './log.ts'
import { hourMs } from './rows.ts'

export interface Limits {
  readonly folder: string
  readonly maxBytes: number
  /** The disk's free space below which the history gives up its own. */
  readonly minFreeBytes: number
  /** Null: age is not looked at, because the clock is not to be believed. */
  readonly rawBefore: EpochMs | null
  readonly minutesBefore: EpochMs | null
}

/** The oldest goes: by age, for the size, and to leave room to others; raw readings before minutes. Answers how many bytes others still lack. */
export async function trim(log: BlockLog, files: HourFiles, limits: Limits): Promise<number> {
  const { bavail, bsize } = await statfs(limits.folder)
  let lacking = limits.minFreeBytes - bavail * bsize
  let excess = log.bytes + files.bytes - limits.maxBytes
  const freed = (bytes: number): void => { excess -= bytes; lacking -= bytes }
  for (let [oldest] = log.segments; oldest; [oldest] = log.segments) {
    if (!oldest.times) for await (const _ of log.heads(oldest));
    const old = limits.rawBefore !== null && oldest.times !== undefined && oldest.times.to < limits.rawBefore
    if (!(old || excess > 0 || lacking > 0) || !(await log.dropOldest())) break
    freed(oldest.bytes)
  }
  for (let { first } = files; first !== null; { first } = files) {
    const old = limits.minutesBefore !== null && (first + 1) * hourMs < limits.minutesBefore
    if (!(old || excess > 0 || lacking > 0)) break
    const before = files.bytes
    await files.remove(first)
    freed(before - files.bytes)
  }
  return Math.max(0, lacking)
}
