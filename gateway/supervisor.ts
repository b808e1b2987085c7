import type { Clock, ConnectionConfig, Driver, DriverEntry, DriverKit, Finding, Intake, Overheard, PointConfig, Random, Refused, Session, Value } from './contract/index.ts'
import { backoffMs, codeOf, defaultBackoff, describe, DriverError, isAbort, type Logger } from './kit/index.ts'

export interface ConnectionStatus {
  readonly id: string
  readonly driver: string
  readonly state: 'connecting' | 'online' | 'backing-off' | 'stopped'
  readonly attempts: number
  readonly lastError?: string
  readonly lastErrorDetail?: string
  readonly statistics: Readonly<Record<string, number>>
  readonly devices: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly findings: readonly Finding[]
}

export interface SupervisorParts {
  readonly config: ConnectionConfig
  readonly entry: DriverEntry
  readonly kit: DriverKit
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  accept(connectionId: string, intake: Intake): void
}

const steadyMs = 30_000

/** One connection's life: load the driver, connect, pump its intake, back off, again. A failing one touches no other. */
export class Supervisor {
  readonly #parts: SupervisorParts
  #state: ConnectionStatus['state'] = 'connecting'
  #attempts = 0
  #failure: { code: string; detail: string } | null = null
  #session: Session | null = null
  #up = Promise.withResolvers<void>()

  constructor(parts: SupervisorParts) { this.#parts = parts }

  /** Ends when `signal` aborts; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const started = this.#parts.clock.monotonic()
      try {
        await this.#life(signal)
      } catch (error) {
        if (!isAbort(error, signal)) this.#lost(error)
      }
      if (signal.aborted) break
      if (this.#parts.clock.monotonic() - started > steadyMs) this.#attempts = 0
      this.#state = 'backing-off'
      const wait = backoffMs({ ...defaultBackoff, capMs: 30_000 }, this.#attempts++, this.#parts.random)
      await this.#parts.clock.sleep(wait, signal).catch(() => {})
    }
    this.#state = 'stopped'
  }

  /** Raw value. Throws DriverError POINT_NOT_WRITABLE, DEVICE_OFFLINE or the driver's own. */
  async write(point: PointConfig, raw: Value, signal: AbortSignal): Promise<void> {
    if (!point.writable) throw new DriverError('POINT_NOT_WRITABLE', `${point.id} is read-only; set "writable: true" in its profile or the site file if the device allows writes`)
    if (!this.#session) throw new DriverError('DEVICE_OFFLINE', `${point.id}: connection ${this.#parts.config.id} is not up (${this.#failure?.code ?? 'still connecting'})`, { retriable: true })
    if (!this.#session.write) throw new DriverError('POINT_NOT_WRITABLE', `${point.id}: driver ${this.#parts.config.driver} cannot write`)
    await this.#session.write(point, raw, signal)
  }

  /** For who can wait until it is up; null when it is. */
  whenUp(): Promise<void> | null { return this.#session ? null : this.#up.promise }

  /** Its driver has a bus, and it is up. */
  get publishes(): boolean { return this.#session?.publish !== undefined }

  /** Throws DriverError DEVICE_OFFLINE or the driver's own. */
  async publish(topic: string, payload: string, signal: AbortSignal): Promise<void> {
    if (!this.#session?.publish) throw new DriverError('DEVICE_OFFLINE', `connection ${this.#parts.config.id} is not up, or has no bus to publish on`, { retriable: true })
    await this.#session.publish(topic, payload, signal)
  }

  /** Null: its driver has no bus of its own, or it is not up. */
  overhear(hear: (said: Overheard) => void): (() => void) | null { return this.#session?.overhear?.(hear) ?? null }
  refused(): readonly Refused[] { return this.#session?.refused?.() ?? [] }

  status(): ConnectionStatus {
    const { id, driver } = this.#parts.config
    return {
      id, driver, state: this.#state, attempts: this.#attempts, statistics: this.#session?.statistics?.() ?? {},
      devices: this.#session?.deviceStatistics?.() ?? {}, findings: this.#session?.findings?.() ?? [],
      ...(this.#failure ? { lastError: this.#failure.code, lastErrorDetail: this.#failure.detail } : {}),
    }
  }

  async #life(signal: AbortSignal): Promise<void> {
    const { entry, config, kit, accept, log } = this.#parts
    this.#state = 'connecting'
    const driver: Driver = await entry.load()
    await using session = await driver.connect(config, kit, signal)
    // Stopped while it connected: a session that hears of it only afterwards would wait for ever.
    if (signal.aborted) return
    this.#session = session
    this.#state = 'online'
    this.#up.resolve()
    log.info('connection online')
    try {
      for await (const intake of session.intake(signal)) {
        this.#failure = null
        accept(config.id, intake)
      }
    } finally {
      this.#session = null
      this.#up = Promise.withResolvers()
    }
    if (!signal.aborted) throw new DriverError('LINK_ENDED', `connection ${config.id} ended by itself; it is opened again`, { retriable: true })
  }

  /** Every point of the connection turns bad: no number outlives its link (law 4). */
  #lost(error: unknown): void {
    const { config, clock, log, accept } = this.#parts
    const code = codeOf(error)
    const detail = describe(error)
    if (this.#failure?.code !== code) log.warn({ code, devices: config.devices.map(({ id }) => id) }, detail)
    this.#failure = { code, detail }
    const at = clock.now()
    accept(config.id, {
      samples: config.devices.flatMap((device) => device.points.map((point) => ({ pointId: point.id, raw: null, at, quality: 'bad' as const, reason: code }))),
      devices: config.devices.map((device) => ({ deviceId: device.id, state: 'offline' as const, at, reason: code, detail })),
    })
  }
}
