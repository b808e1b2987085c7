import type { EpochMs } from '../../gateway/contract/index.ts'
import { count, flag, nullOr, number, record } from '../../gateway/kit/guards.ts'
import { Debouncer, type DebouncerState, type Level } from './debounce.ts'
import { debounceOf } from './points.ts'
import type { GpioAddress } from './settings.ts'

/** What outlives the gateway: a total, and what belongs to it. */
export interface CountRecord {
  readonly total: number
  readonly initial: number
  /** How far the spool is in this total: the file's number, and bytes of it. */
  readonly file: number
  readonly offset: number
  readonly contact: DebouncerState | null
}

const isLevel = record({ level: flag, mono: number, at: number })
const isRecord = record({ total: count, initial: count, file: count, offset: count, contact: nullOr(record({ stable: flag, raw: flag, pending: nullOr(isLevel) })) })

/** What was remembered, or undefined for anything that is not ours. */
export const parseRecord = (json: unknown): CountRecord | undefined => (isRecord(json) ? json as CountRecord : undefined)
export const recordKey = (pointId: string): string => `count/${pointId}`

/**
 * The pulses of one line. Pure: total, place in the spool and contact's state are always of one moment, so that what is remembered neither
 * loses nor doubles a pulse, wherever the power was cut. `everyEdge`: the kernel gives only the edges that count, one a pulse.
 */
export class Counter {
  readonly #address: GpioAddress
  readonly #contact: Debouncer | null
  readonly #first: number
  #total: number
  #at: EpochMs
  #file: number
  #offset: number

  constructor(address: GpioAddress, parts: { readonly record: CountRecord | undefined; readonly level: boolean; readonly everyEdge: boolean; readonly at: EpochMs }) {
    const { record, level: now, everyEdge, at } = parts
    const initial = address.initial ?? 0
    this.#address = address
    this.#total = record && record.initial === initial ? record.total : initial
    this.#first = this.#total
    this.#at = at
    this.#file = record?.file ?? 0
    this.#offset = record?.offset ?? 0
    this.#contact = everyEdge ? null : new Debouncer(record?.contact ?? now, debounceOf(address))
  }

  get total(): number { return this.#total }
  /** When the last pulse was. */
  get at(): EpochMs { return this.#at }
  get debounced(): number { return this.#contact?.debounced ?? 0 }
  /** Pulses since this life began. */
  get counted(): number { return this.#total - this.#first }
  /** The line's level as last heard. */
  get raw(): boolean { return this.#contact?.state.raw ?? false }
  get lost(): number { return this.#contact?.lost ?? 0 }
  get dueAt(): number | null { return this.#contact?.dueAt ?? null }

  /** True when it counted. `place`: where the spool is after this edge. */
  edge(edge: Level, place?: { readonly file: number; readonly offset: number }): boolean {
    if (place) this.moveTo(place)
    return this.#take(this.#contact ? this.#contact.edge(edge) : [edge])
  }
  settle(mono: number): boolean { return this.#take(this.#contact?.settle(mono) ?? []) }

  /** The spool is here, and nothing was counted: a line that is none, or a new file. */
  moveTo({ file, offset }: { readonly file: number; readonly offset: number }): void { this.#file = file; this.#offset = offset }

  record(): CountRecord {
    return { total: this.#total, initial: this.#address.initial ?? 0, file: this.#file, offset: this.#offset, contact: this.#contact?.state ?? null }
  }

  #take(changes: readonly Level[]): boolean {
    const pulses = changes.filter((change) => change.level === (this.#address.count === 'rising'))
    if (pulses.length === 0) return false
    this.#total += pulses.length
    this.#at = pulses.at(-1)!.at
    return true
  }
}
