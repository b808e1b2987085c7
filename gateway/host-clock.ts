import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { access, constants } from 'node:fs/promises'
import path from 'node:path'
import type { Clock } from './contract/index.ts'
import type { Logger } from './kit/index.ts'

/** A program that knows whether anybody sets this clock; `reads` gives null for an answer that does not tell. */
export interface Witness { readonly program: string; readonly args: readonly string[]; reads(output: string): boolean | null }

/** In this order, the first that tells: timedatectl wakes a service and writes to the system's log, so chrony's own word comes before it. */
export const witnesses: readonly Witness[] = [
  { program: 'chronyc', args: ['-n', '-c', 'tracking'], reads: readChrony },
  { program: 'timedatectl', args: ['show', '--property=NTPSynchronized', '--value'], reads: (output) => ({ yes: true, no: false })[output.trim()] ?? null },
  { program: 'adjtimex', args: ['--print'], reads: readKernel },
  { program: 'busybox', args: ['adjtimex'], reads: readKernel },
]

export interface HostClockParts {
  readonly clock: Clock
  readonly log: Logger
  readonly witnesses?: readonly Witness[]
  /** Where the programs are looked for; the gateway's own PATH does not count. */
  readonly path?: string
  /** There while systemd-timesyncd has the clock set: no program is asked then. */
  readonly flag?: string
}

/** A child that says nothing for so long is killed. */
const timeoutMs = 2_000
const maxOutputBytes = 65_536
/** The kernel believes a daemon that is gone for hours: a synchronised clock needs no closer look. */
const again = { unsynced: 60_000, synced: 600_000 } as const

/** Whether this host's clock is set by an NTP daemon, whichever. Decision 0014. */
export class HostClock implements AsyncDisposable {
  /** The first answer is here, or there is none: at most a few seconds. */
  readonly ready: Promise<void>
  readonly #parts: Required<HostClockParts>
  readonly #stop = new AbortController()
  #word = false
  #warned = false
  #cancel: () => void = () => {}
  #asking: Promise<void>

  constructor(parts: HostClockParts) {
    this.#parts = { witnesses, path: '/usr/bin:/usr/sbin:/bin:/sbin', flag: '/run/systemd/timesync/synchronized', ...parts }
    this.ready = this.#asking = this.#ask()
  }

  get synchronised(): boolean { return this.#word || this.#flagged }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#cancel()
    await this.#asking
  }

  get #flagged(): boolean { return existsSync(this.#parts.flag) }

  async #ask(): Promise<void> {
    this.#word = this.#flagged || await this.#hear()
    if (!this.#stop.signal.aborted) this.#cancel = this.#parts.clock.after(this.#word ? again.synced : again.unsynced, () => { this.#asking = this.#ask() })
  }

  async #hear(): Promise<boolean> {
    for (const witness of this.#parts.witnesses) {
      const output = await this.#run(witness)
      const word = output === null ? null : witness.reads(output)
      if (word !== null) return word
    }
    if (!this.#warned && !this.#stop.signal.aborted) this.#parts.log.warn({ code: 'TIME_SOURCE_UNKNOWN' }, 'nothing on this box says whether its clock is set (asked: systemd-timesyncd, chronyc, timedatectl, adjtimex); its time counts as unsynced, and commands with an expiry are rejected. Install chrony, or enable systemd-timesyncd')
    this.#warned = true
    return false
  }

  /** Looked for here: a process that is made and finds nothing costs a start 2 ms each. */
  async #find(name: string): Promise<string | null> {
    for (const folder of this.#parts.path.split(':')) {
      const program = path.join(folder, name)
      if (await access(program, constants.X_OK).then(() => true, () => false)) return program
    }
    return null
  }

  /** No shell. Null when it is not there, fails, or is silent. */
  async #run({ program: name, args }: Witness): Promise<string | null> {
    const { signal } = this.#stop
    const program = await this.#find(name)
    if (program === null || signal.aborted) return null
    return new Promise((resolve) => {
      execFile(program, args, { env: { PATH: this.#parts.path, LC_ALL: 'C' }, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: maxOutputBytes, signal }, (error, stdout) => resolve(error ? null : stdout))
    })
  }
}

/** `chronyc -c tracking`: the reference id first, the leap status last. 7F7F0101 is chrony's `local`: a box that believes itself. */
function readChrony(output: string): boolean | null {
  const fields = output.trim().split(',')
  return fields.length < 14 ? null : fields.at(-1) !== 'Not synchronised' && fields[0] !== '7F7F0101'
}

/** As systemd does: below 16 s, the kernel's limit, somebody has set it. The flag STA_UNSYNC is also used to keep the kernel off the RTC. */
function readKernel(output: string): boolean | null {
  const [, error] = /\bmaxerror:\s*(\d+)/.exec(output) ?? []
  return error === undefined ? null : Number(error) < 16_000_000
}
