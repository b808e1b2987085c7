import { setTimeout as sleep } from 'node:timers/promises'
import { inHouse } from './mqtt-house.ts'
import { median, residentMb } from './processes.ts'

export interface MemoryFigures { readonly residentMb: number; readonly anonymousMb: number }

/** Resident size of the gateway after each number of readings in all, at the speed it takes them, the city having them all. */
export function memory(marks: readonly number[]): Promise<readonly MemoryFigures[]> {
  return inHouse({}, async ({ pid, load, delivered }) => {
    const figures: MemoryFigures[] = []
    let loaded = 0
    for (const mark of marks) {
      await load(mark - loaded)
      loaded = mark
      await delivered()
      figures.push(await sampled(pid))
    }
    return figures
  })
}

const samples = 30
const everyMs = 100

/** The median of some seconds: a collection may fall into any one moment. */
async function sampled(pid: number): Promise<MemoryFigures> {
  const taken: MemoryFigures[] = []
  for (let n = 0; n < samples; n++) {
    taken.push({ residentMb: residentMb(pid), anonymousMb: residentMb(pid, 'RssAnon') })
    await sleep(everyMs)
  }
  return { residentMb: median(taken.map((each) => each.residentMb)), anonymousMb: median(taken.map((each) => each.anonymousMb)) }
}
