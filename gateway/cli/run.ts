import { collectSeldom, giveBackMemory } from '../heap.ts'
import { createLog, LogRing, systemClock as clock } from '../kit/index.ts'
import { runHouse } from '../main/house.ts'
import { stopSignal } from './output.ts'

/** `linli run`: the gateway of a site file, and the one that takes its place when the file is changed by `linli apply`. */
export async function run(file: string): Promise<void> {
  collectSeldom()
  const ring = new LogRing()
  const cancel = clock.after(settledMs, giveBackMemory)
  await runHouse({ file, ring, signal: stopSignal(), log: (level) => createLog({ level, ring }) }).finally(cancel)
}

const settledMs = 5_000
