import { execFile } from 'node:child_process'
import type { Clock } from '../contract/index.ts'
import { codeOf, describe, type Logger } from '../kit/index.ts'

export interface SystemdParts { readonly clock: Clock; log(): Logger | undefined; readonly socket: string | undefined; readonly watchdogUs: string | undefined }

/** What is told, through the `systemd-notify` of the system: Node has no Unix datagrams (docs/decisions). Does nothing where nobody listens. */
export class Systemd {
  readonly #parts: SystemdParts
  readonly #everyMs: number
  #beatAt: number
  #telling = false
  constructor(parts: SystemdParts) {
    this.#parts = parts
    this.#everyMs = Number(parts.watchdogUs ?? 0) / 1_000 / 3
    this.#beatAt = parts.clock.monotonic()
  }

  ready(status: string): void { this.#tell(['READY=1', `STATUS=${status}`]) }
  stopping(): void { this.#tell(['STOPPING=1']) }

  /** From the pipeline's tick, and only from there: a loop that stands, or a pipeline that does not tick, sends none. A third of WatchdogSec apart. */
  beat(): void {
    const now = this.#parts.clock.monotonic()
    if (this.#everyMs <= 0 || this.#telling || now - this.#beatAt < this.#everyMs) return
    this.#beatAt = now
    this.#tell(['WATCHDOG=1'])
  }

  #tell(words: readonly string[]): void {
    const { socket, log } = this.#parts
    if (!socket) return
    this.#telling = true
    execFile('systemd-notify', [...words], { timeout: 10_000, env: { NOTIFY_SOCKET: socket, PATH: '/usr/bin:/bin' } }, (error) => {
      this.#telling = false
      if (error) log()?.warn({ code: codeOf(error) }, `systemd was not told ${words[0]}: ${describe(error).split('\n')[0]}`)
    })
  }
}
