import type { ClientSession, DataValue } from 'node-opcua-client'
import type { Clock } from '../../gateway/contract/index.ts'
import { codeOf } from '../../gateway/kit/index.ts'
import { within } from './deadline.ts'
import { chunks, valueOf, type Target } from './nodes.ts'
import { statusNameOf } from './status.ts'

export interface ReadSink {
  read(target: Target, data: DataValue): void
  /** Nobody answered, or the server refused the whole read. */
  failed(target: Target, reason: string, status: string): void
  flush(scanned: boolean): void
}

const tooMuch = new Set(['BadTooManyOperations', 'BadResponseTooLarge', 'BadRequestTooLarge', 'BadEncodingLimitsExceeded', 'BadTcpMessageTooLarge'])

/** Reads points at their own intervals; deadlines are absolute, and a round that takes too long skips its next turns. */
export class Poller {
  readonly counters = { reads: 0, polls: 0, skippedPolls: 0 }
  readonly #session: ClientSession
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #sink: ReadSink
  readonly #rounds = new Map<number, { readonly targets: Target[]; cancel: () => void }>()
  #perRead: number
  #stopped = false

  constructor({ session, clock, timeoutMs, perRead, sink }: { readonly session: ClientSession; readonly clock: Clock; readonly timeoutMs: number; readonly perRead: number; readonly sink: ReadSink }) {
    this.#session = session
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#perRead = perRead
    this.#sink = sink
  }

  get size(): number { return [...this.#rounds.values()].reduce((sum, { targets }) => sum + targets.length, 0) }

  has(target: Target): boolean { return this.#rounds.get(target.point.pollMs)?.targets.includes(target) ?? false }

  /** Polls these from now on, first one interval from now. */
  add(targets: readonly Target[]): void {
    for (const target of targets) {
      const { pollMs } = target.point
      const round = this.#rounds.get(pollMs)
      if (round) { round.targets.push(target); continue }
      this.#rounds.set(pollMs, { targets: [target], cancel: () => {} })
      this.#arm(pollMs, this.#clock.monotonic() + pollMs)
    }
  }

  /** Reads all of them once, now. Never throws: what failed is told as bad. */
  async once(targets: readonly Target[]): Promise<void> {
    const rest = [...targets]
    while (rest.length > 0 && !this.#stopped) {
      const some = rest.splice(0, this.#perRead)
      this.counters.reads++
      try {
        const values = await within(this.#clock, this.#timeoutMs, `a read of ${some.length} nodes`, this.#session.read(some.map(({ node }) => valueOf(node!)), 0))
        if (this.#stopped) return
        some.forEach((target, index) => this.#sink.read(target, values[index]!))
      } catch (error) {
        if (this.#stopped) return
        const status = statusNameOf(error)
        if (tooMuch.has(status) && some.length > 1) { this.#perRead = Math.ceil(some.length / 2); rest.unshift(...chunks(some, this.#perRead).flat()); continue }
        const reason = codeOf(error) === 'OPCUA_TIMEOUT' ? 'OPCUA_TIMEOUT' : 'OPCUA_BAD_STATUS'
        for (const target of some) this.#sink.failed(target, reason, status)
      }
    }
  }

  stop(): void {
    this.#stopped = true
    for (const { cancel } of this.#rounds.values()) cancel()
  }

  #arm(everyMs: number, due: number): void {
    if (this.#stopped) return
    this.#rounds.get(everyMs)!.cancel = this.#clock.after(Math.max(0, due - this.#clock.monotonic()), () => void this.#round(everyMs, due))
  }

  async #round(everyMs: number, due: number): Promise<void> {
    this.counters.polls++
    await this.once(this.#rounds.get(everyMs)!.targets)
    if (this.#stopped) return
    this.#sink.flush(true)
    const missed = Math.max(0, Math.floor((this.#clock.monotonic() - due) / everyMs))
    this.counters.skippedPolls += missed
    this.#arm(everyMs, due + (missed + 1) * everyMs)
  }
}
