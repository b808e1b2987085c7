import { flushCompileCache } from 'node:module'
import type { Gateway } from '../main.ts'
import type { Site } from './rooms.ts'
import { collectSeldom, giveBackMemory } from '../heap.ts'
import { createLog, LogRing, type Logger, systemClock as clock } from '../kit/index.ts'
import { runHouse } from '../main/house.ts'
import { keepCrash, keepLastRun } from '../support/crash.ts'
import { version } from '../version.ts'
import { stopSignal } from './output.ts'
import { Systemd } from './systemd.ts'

/** `linli run`: the gateway of a site file, and the one that takes its place when the file is changed by `linli apply`. */
export async function run(file: string): Promise<void> {
  collectSeldom()
  const ring = new LogRing()
  let store: string | undefined
  // What comes next is decided elsewhere: this only writes down why, for a support bundle.
  process.on('uncaughtExceptionMonitor', (error) => { if (store !== undefined) keepCrash(store, error, { ring, now: clock.now(), version }) })
  // What was compiled is kept at once, so that a box that is switched off rather than stopped has it, too.
  const cancel = clock.after(settledMs, () => { flushCompileCache(); giveBackMemory() })
  const signal = stopSignal()
  let log: Logger | undefined
  const systemd = new Systemd({ clock, log: () => log, socket: process.env.NOTIFY_SOCKET, watchdogUs: process.env.WATCHDOG_USEC })
  signal.addEventListener('abort', () => systemd.stopping(), { once: true })
  const started = (gateway: Gateway, site: Site): void => {
    store = site.store.path
    systemd.ready(`${site.site.id}: ${site.connections.length} connections, ${gateway.live.points.size} points`)
  }
  await runHouse({ file, ring, signal, tick: () => systemd.beat(), log: (level) => { log = createLog({ level, ring }); return log }, started }).finally(cancel)
  if (store !== undefined) keepLastRun(store, ring)
}

const settledMs = 5_000
