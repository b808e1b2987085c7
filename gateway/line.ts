import type { Clock, ConnectionConfig, DriverEntry, DriverKit, Intake, Json, Random } from './contract/index.ts'
import type { Logger } from './kit/index.ts'
import { Supervisor } from './supervisor.ts'

/** What a line needs of the gateway that it stands in; the next one brings its own. */
export interface LinePorts {
  hashIdentity(value: string): string
  recall(key: string): Promise<Json | undefined>
  accept(connectionId: string, intake: Intake): void
}

export interface LineParts {
  readonly config: ConnectionConfig
  readonly entry: DriverEntry
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readSecret: DriverKit['readSecret']
}

/** So many samples and occurrences wait while one gateway follows another: seconds of a busy bus. */
const maxWaiting = 100_000

/**
 * One connection with its driver's session, which may outlive the gateway around it: while the next one is put together, what comes in
 * waits in order, unacknowledged. What does not fit is refused, so that a device keeps it, or counted.
 */
export class Line {
  readonly id: string
  readonly supervisor: Supervisor
  #ports: LinePorts
  #waiting: Intake[] | null = null
  #size = 0
  #lost = 0
  #stop = new AbortController()
  #running: Promise<void> | null = null

  constructor({ config, ...parts }: LineParts, ports: LinePorts) {
    this.id = config.id
    this.#ports = ports
    const { entry, clock, random, log, readSecret } = parts
    const kit: DriverKit = { clock, random, log, readSecret, hashIdentity: (value) => this.#ports.hashIdentity(value), recall: (key) => this.#ports.recall(key) }
    this.supervisor = new Supervisor({ config, entry, kit, clock, random, log, accept: (_, intake) => this.#take(intake) })
  }

  start(): void { this.#running ??= this.supervisor.run(this.#stop.signal) }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
    for (const intake of this.#waiting ?? []) intake.settled?.('refused')
    this.#waiting = null
  }

  /** From now on nothing is given on. */
  hold(): void { this.#waiting ??= [] }

  /** To the gateway that took over, which has taken in its last values: what waited first. Returns how many readings found no room. */
  release(ports: LinePorts): number {
    this.#ports = ports
    const [waiting, lost] = [this.#waiting ?? [], this.#lost]
    this.#waiting = null
    this.#size = 0
    this.#lost = 0
    for (const intake of waiting) ports.accept(this.id, intake)
    return lost
  }

  #take(intake: Intake): void {
    if (!this.#waiting) return this.#ports.accept(this.id, intake)
    const size = intake.samples.length + (intake.occurrences?.length ?? 0)
    if (this.#size + size <= maxWaiting) { this.#waiting.push(intake); this.#size += size; return }
    if (intake.settled) intake.settled('refused')
    else this.#lost += size
  }
}
