import type { Clock, GatewayConditions, Label, PointId, PointWriter } from './contract/index.ts'
import { codeOf, describe, DriverError, type Logger } from './kit/index.ts'

export interface HeartbeatConfig {
  readonly point: PointId
  /** Milliseconds between two beats; whole ticks of a second. */
  readonly every: number
  readonly signal: 'toggle' | 'hold'
}
export interface HeartbeatParts {
  readonly config: HeartbeatConfig
  readonly clock: Clock
  readonly writer: PointWriter
  readonly conditions: GatewayConditions
  readonly log: Logger
}

const by = { actor: 'heartbeat', origin: 'rule' } as const
/** Ticks come a little early or late. */
const slackMs = 100
const stopMs = 2_000
/** One lost write is no reason to wake anybody; a watchdog has its own patience. */
const failuresToTell = 3
const key = 'heartbeat/failing'
const title: Label = { zh: '心跳输出无法写入，看门狗继电器将释放', en: 'the heartbeat output cannot be written; the watchdog relay will drop' }

/**
 * An output that says "the gateway lives": it changes (toggle) or is written on again (hold) with the pipeline's ticks, and only with
 * these, so that it stands still when the process stops, hangs, or its pipeline does. One write at a time.
 */
export class Heartbeat implements AsyncDisposable {
  readonly #parts: HeartbeatParts
  #value = false
  #beatAt = -Infinity
  #writing: Promise<void> | null = null
  #failures = 0
  #stopped = false
  constructor(parts: HeartbeatParts) { this.#parts = parts }

  /** From the pipeline's tick, each second. */
  beat(): void {
    const { clock, config } = this.#parts
    const now = clock.monotonic()
    if (this.#stopped || this.#writing || now - this.#beatAt < config.every - slackMs) return
    this.#beatAt = now
    this.#value = config.signal === 'hold' || !this.#value
    this.#writing = this.#write(this.#value, config.every).finally(() => { this.#writing = null })
  }

  /** Off at a clean stop, with a little patience: the relay drops at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    await this.#writing
    await this.#write(false, stopMs)
  }

  async #write(value: boolean, patienceMs: number): Promise<void> {
    const { clock, writer, config, conditions, log } = this.#parts
    const over = new AbortController()
    const late = clock.sleep(patienceMs, over.signal).then(() => {
      over.abort()
      throw new DriverError('WRITE_TIMEOUT', `${config.point} was not written within ${patienceMs / 1_000} s; look at its device and connection`)
    })
    try {
      // A driver that does not hear the signal holds up no later beat.
      await Promise.race([writer.write(config.point, value, over.signal, by), late])
      if (this.#failures >= failuresToTell) conditions.clear(key)
      this.#failures = 0
    } catch (error) {
      // The next beat says the same again: a relay must not miss an edge.
      if (config.signal === 'toggle' && !this.#stopped) this.#value = !value
      if (++this.#failures !== failuresToTell || this.#stopped) return
      log.error({ code: 'HEARTBEAT_FAILED', point: config.point, cause: codeOf(error) }, `the heartbeat output ${config.point} cannot be written: ${describe(error)}; look at its device and wiring`)
      conditions.raise({ key, severity: 2, title, data: { point: config.point, code: codeOf(error) } })
    } finally {
      over.abort()
    }
  }
}
