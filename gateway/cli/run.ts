import { collectSeldom, giveBackMemory } from '../heap.ts'
import { createLog, LogRing, systemClock as clock } from '../kit/index.ts'
import { runHouse } from '../main/house.ts'
import { keepCrash, keepLastRun } from '../support/crash.ts'
import { version } from '../version.ts'
import { stopSignal } from './output.ts'

/** `linli run`: the gateway of a site file, and the one that takes its place when the file is changed by `linli apply`. */
export async function run(file: string): Promise<void> {
  collectSeldom()
  const ring = new LogRing()
  let store: string | undefined
  // What comes next is decided elsewhere: this only writes down why, for a support bundle.
  process.on('uncaughtExceptionMonitor', (error) => { if (store !== undefined) keepCrash(store, error, { ring, now: clock.now(), version }) })
  const cancel = clock.after(settledMs, giveBackMemory)
  await runHouse({ file, ring, signal: stopSignal(), log: (level) => createLog({ level, ring }), started: (_, site) => { store = site.store.path } }).finally(cancel)
  if (store !== undefined) keepLastRun(store, ring)
}

const settledMs = 5_000
