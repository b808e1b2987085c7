import type { Clock, CommandRequest, EffectConfig, PointConfig, PointWriter, TimeQuality } from '../../gateway/contract/index.ts'
import { codeOf, describe } from '../../gateway/kit/index.ts'
import type { Entry } from './book.ts'
import { EffectWatch, type EffectParts } from './effect.ts'
import { judgeTime, seconds, type Outcome, type Refusal } from './rules.ts'

/** A command that may be carried out. */
export interface Command {
  readonly request: CommandRequest
  readonly point: PointConfig
  readonly entry: Entry
  /** Monotonic: the end of the time it may take, and of a message expiry. */
  readonly deadline: number
  readonly diesAt: number
}

export interface RunParts extends EffectParts {
  readonly clock: Clock
  readonly writer: PointWriter
  readonly stop: AbortSignal
  timeQuality(): TimeQuality
  /** Resolves when it is on disk that the write may begin. */
  running(): Promise<void>
}

/** The house did not let it through to the device. */
const refusals: ReadonlySet<string> = new Set(['DOOR_FORBIDDEN', 'DOOR_FIRE'])

type End = 'expired' | 'timeout' | 'stopping'

/**
 * Waits for its turn, writes, and looks for the effect. `outcome` never rejects; `settled` resolves when the driver has let go of
 * the point, which may be later than the outcome.
 */
export function carryOut(command: Command, turn: Promise<unknown>, parts: RunParts): { readonly outcome: Promise<Outcome>; readonly settled: Promise<void> } {
  const settled = Promise.withResolvers<void>()
  const outcome = run(command, turn, parts, settled.resolve)
    .catch((error: unknown): Outcome => ({ state: 'failed', code: codeOf(error), detail: describe(error) }))
  return { outcome, settled: Promise.all([outcome, settled.promise]).then(() => {}) }
}

async function run(command: Command, turn: Promise<unknown>, parts: RunParts, settled: () => void): Promise<Outcome> {
  const { request, point } = command
  using life = new Life(command, parts)
  await Promise.race([turn, life.ended])
  const late = notBegun(command, parts, life)
  if (late) { void turn.finally(settled); return late }
  try {
    await parts.running()
  } catch (error) {
    settled()
    return { state: 'failed', code: 'COMMAND_NOT_STORED', detail: `the journal cannot take it now (${codeOf(error)}); nothing was done` }
  }
  const tooLate = notBegun(command, parts, life)
  if (tooLate) { settled(); return tooLate }
  const effect = point.effect && (point.effect.when === undefined || point.effect.when === request.value) ? point.effect : null
  using watch = effect ? new EffectWatch(effect, parts) : null
  const write = parts.writer.write(point.id, request.value, life.signal, { actor: request.actor, origin: 'city' })
  void write.catch(() => {}).finally(settled)
  const failure = await Promise.race([write.then(() => null, (error: unknown) => ({ error })), life.ended.then(() => ({ error: null }))])
  if (failure) return life.end ? unknown(request.point, life.end, failure.error) : { state: refusals.has(codeOf(failure.error)) ? 'rejected' : 'failed', code: codeOf(failure.error), detail: describe(failure.error) }
  if (!effect || !watch) return { state: 'done' }
  const seen = await watch.outcome(parts.stop)
  return seen ? { state: 'done', effect: seen } : noEffect(command, effect, parts)
}

function notBegun({ request }: Command, { clock, timeQuality }: RunParts, life: Life): Refusal | null {
  if (life.end === 'stopping') return { state: 'failed', code: 'COMMAND_NOT_STARTED', detail: 'not carried out: the gateway is stopping; send it again with a new key' }
  if (life.end === 'timeout') return { state: 'failed', code: 'COMMAND_NOT_STARTED', detail: `not carried out: other commands kept ${request.point} busy for all of its time; send it again with a new key` }
  if (life.end === 'expired') return { state: 'expired', code: 'COMMAND_EXPIRED', detail: 'expired before it could be carried out; nothing was done' }
  return judgeTime(request, clock.now(), timeQuality())
}

const ends: Readonly<Record<End, string>> = { expired: 'it expired', timeout: 'its time was over', stopping: 'the gateway was stopped' }

/** The write was under way: nobody knows whether the device took it. */
function unknown(point: string, end: End, error: unknown): Outcome {
  return { state: 'failed', code: 'COMMAND_OUTCOME_UNKNOWN', detail: `outcome unknown: ${ends[end]} while ${point} was written${error === null ? '' : ` (${describe(error)})`}; read the point before commanding it again` }
}

function noEffect({ point, request }: Command, effect: EffectConfig, { reader }: RunParts): Outcome {
  const seen = reader.read(effect.point)
  const contact = seen === undefined || seen.quality === 'bad' ? `${effect.point} cannot be read` : `${effect.point} did not become ${String(effect.equals)} within ${seconds(effect.withinMs)}`
  return { state: 'failed', code: 'COMMAND_NO_EFFECT', detail: `${point.id} took ${String(request.value)} and reads back so, but ${contact}; look at the lock, the door and the contact` }
}

/** How long a command may live: its expiry, the message's, its share of time, and the gateway's own life. The first to end counts. */
class Life implements Disposable {
  end: End | null = null
  readonly ended: Promise<void>
  readonly #controller = new AbortController()
  readonly #release: (() => void)[] = []

  constructor({ request, deadline, diesAt }: Command, { clock, stop }: RunParts) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    const finish = (end: End): void => {
      if (this.end) return
      this.end = end
      this.#controller.abort()
      resolve()
    }
    const now = clock.monotonic()
    const expiry = Math.min(diesAt, request.expiresAt === undefined ? Infinity : now + request.expiresAt - clock.now())
    if (expiry < Infinity) this.#release.push(clock.after(expiry - now, () => finish('expired')))
    this.#release.push(clock.after(deadline - now, () => finish('timeout')))
    const stopped = (): void => finish('stopping')
    if (stop.aborted) stopped()
    stop.addEventListener('abort', stopped, { once: true })
    this.#release.push(() => stop.removeEventListener('abort', stopped))
  }

  get signal(): AbortSignal { return this.#controller.signal }
  [Symbol.dispose](): void { for (const release of this.#release) release() }
}
