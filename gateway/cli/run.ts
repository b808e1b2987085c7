import type { Work } from '../contract/index.ts'
import { collectSeldom, giveBackMemory } from '../heap.ts'
import { createLog, LogRing, systemClock as clock } from '../kit/index.ts'
import { startGateway } from '../main.ts'
import { aborted, stopSignal } from './output.ts'
import { readSite } from './rooms.ts'

export async function run(file: string): Promise<void> {
  collectSeldom()
  const signal = stopSignal()
  const site = await readSite(file)
  const ring = new LogRing()
  const log = createLog({ level: site.log.level, ring })
  const cancel = clock.after(settledMs, giveBackMemory)
  for (let pending: readonly Work[] = []; !signal.aborted;) {
    const gateway = await startGateway({ site, log, ring, pending })
    await Promise.race([aborted(signal), ...(gateway.storeReturned ? [gateway.storeReturned] : [])])
    cancel()
    log.info(signal.aborted ? 'stopping' : 'starting anew on the disk that came back')
    await gateway[Symbol.asyncDispose]()
    pending = gateway.held()
  }
}

const settledMs = 5_000
