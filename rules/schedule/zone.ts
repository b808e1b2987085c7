import type { EpochMs } from '../../gateway/contract/index.ts'

const hourMs = 3_600_000
export const dayMs = 24 * hourMs

/** A time zone as two questions. `fixedMinutes`: it never changes its offset. */
export interface Zone {
  readonly name: string
  readonly fixedMinutes: number | null
  /** Local time less UTC, in ms. */
  offset(at: EpochMs): number
  /** Of a local time, written as if it were UTC. One that the clock skips is what it would have been an hour later; of one that comes twice, the first. */
  toUtc(local: number): EpochMs
}

/** No summer time, and none to come: these need no ICU, which costs 3 MB. */
const fixed: Readonly<Record<string, number>> = {
  'Asia/Shanghai': 480, 'Asia/Chongqing': 480, 'Asia/Harbin': 480, 'Asia/Hong_Kong': 480, 'Asia/Macau': 480, 'Asia/Taipei': 480, 'Asia/Singapore': 480,
  'Asia/Urumqi': 360, PRC: 480, UTC: 0, 'Etc/UTC': 0,
}

export function createZone(name: string): Zone {
  const minutes = fixed[name]
  if (minutes !== undefined) {
    const offset = minutes * 60_000
    return { name, fixedMinutes: minutes, offset: () => offset, toUtc: (local) => local - offset }
  }
  const offset = offsetOf(name)
  return {
    name, fixedMinutes: null, offset,
    toUtc(local) {
      const [before, after] = [offset(local - dayMs), offset(local + dayMs)]
      const fits = [local - before, local - after].filter((at) => at + offset(at) === local)
      return fits.length > 0 ? Math.min(...fits) : local - before
    },
  }
}

/** By ICU. Offsets change on quarters of an hour at most, so one answer serves its quarter. */
function offsetOf(name: string): (at: EpochMs) => number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: name, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' })
  let [known, answer] = [NaN, 0]
  return (at) => {
    const quarter = Math.floor(at / 900_000)
    if (quarter === known) return answer
    const part: Record<string, number> = {}
    for (const { type, value } of format.formatToParts(quarter * 900_000)) part[type] = Number(value)
    known = quarter
    answer = Date.UTC(part.year!, part.month! - 1, part.day, part.hour, part.minute, part.second) - quarter * 900_000
    return answer
  }
}
