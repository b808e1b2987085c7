import type { Clock, GatewayEvent, Head, Journal, StateWrite, Stream } from '../../gateway/contract/index.ts'
import { codeOf, describe, type Logger } from '../../gateway/kit/index.ts'
import { checkpointId, checkpointText, type CheckpointData } from './checkpoint.ts'
import { within } from '../parting.ts'
import type { Signer } from './signing.ts'

export interface LedgerParts {
  readonly gateway: string
  readonly journal: Pick<Journal, 'heads' | 'state' | 'commit'>
  readonly signer: Signer
  readonly clock: Clock
  readonly log: Logger
  readonly everyMs: number
}

const stateKey = 'ledger/checkpoint'
const partingMs = 2_000

/** Signed checkpoints of every stream's chain: at the start, on a schedule, and at a clean stop when all else is written. */
export class Ledger {
  readonly #parts: LedgerParts
  #previous = ''
  #lastAt: number | null = null
  #cancel: () => void = () => {}
  #working: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(parts: LedgerParts) { this.#parts = parts }

  /** When the last one of this start was on disk. */
  get lastAt(): number | null { return this.#lastAt }

  async start(): Promise<void> {
    const last = await this.#parts.journal.state.get(stateKey)
    this.#previous = isLast(last) ? last.id : ''
    await this.checkpoint()
    this.#plan()
  }

  /** Call when the last event is written and before the journal is disposed. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel()
    // A failing disk would keep it waiting for ever.
    await within(this.#parts.clock, partingMs, this.checkpoint())
  }

  /** One at a time. Never throws: a checkpoint that cannot be written is made up for by the next. */
  checkpoint(): Promise<void> {
    this.#working = this.#working.then(() => this.#write()).catch((error: unknown) => {
      this.#parts.log.error({ code: codeOf(error) }, `no checkpoint was written: ${describe(error)}`)
    })
    return this.#working
  }

  #plan(): void {
    if (this.#stopped) return
    this.#cancel = this.#parts.clock.after(this.#parts.everyMs, () => { void this.checkpoint(); this.#plan() })
  }

  async #write(): Promise<void> {
    const { gateway, journal, signer, clock } = this.#parts
    const at = clock.now()
    const { id, event, state } = signed({ gateway, at, previous: this.#previous, heads: journal.heads(), signer })
    await journal.commit({ events: [event], state: [state], urgent: true })
    this.#previous = id
    this.#lastAt = at
  }
}

/** Pure: the event of a checkpoint, and what is remembered of it. */
export function signed({ gateway, at, previous, heads, signer }: { readonly gateway: string; readonly at: number; readonly previous: string; readonly heads: Readonly<Record<Stream, Head>>; readonly signer: Signer }): { readonly id: string; readonly event: GatewayEvent; readonly state: StateWrite } {
  const streams = Object.fromEntries(Object.entries(heads).map(([stream, { epoch, seq, hash }]) => [stream, { epoch, seq, hash }]))
  const body = { previous, streams, keyid: signer.keyId }
  const text = checkpointText({ gateway, time: new Date(at).toISOString(), ...body })
  const id = checkpointId(text)
  const data: CheckpointData = { id, ...body, key: signer.publicKey, signature: signer.sign(text), ...(signer.rotation ? { rotation: signer.rotation } : {}) }
  const event: GatewayEvent = { stream: 'ledger', type: 'checkpoint', at, data }
  return { id, event, state: { key: stateKey, value: { id } } }
}

const isLast = (value: unknown): value is { readonly id: string } => typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string'
