import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Work } from '../contract/index.ts'
import { createLog, systemClock as clock } from '../kit/index.ts'
import { startGateway } from '../main.ts'
import { aborted, stopSignal } from './output.ts'
import { readSite } from './rooms.ts'

export async function run(file: string): Promise<void> {
  const signal = stopSignal()
  const site = await readSite(file)
  const log = createLog({ level: site.log.level })
  const cancel = clock.after(settledMs, giveBackMemory)
  for (let pending: readonly Work[] = []; !signal.aborted;) {
    const gateway = await startGateway({ site, log, pending })
    await Promise.race([aborted(signal), ...(gateway.storeReturned ? [gateway.storeReturned] : [])])
    cancel()
    log.info(signal.aborted ? 'stopping' : 'starting anew on the disk that came back')
    await gateway[Symbol.asyncDispose]()
    pending = gateway.held()
  }
}

const settledMs = 5_000

/** Reading the site file and compiling leave 15 MB of heap that V8 would keep: one thorough collection gives it back to the box. */
function giveBackMemory(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void
  // Code that ran only at the start is let go after it was passed over a few times.
  for (let pass = 0; pass < 8; pass++) collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}
