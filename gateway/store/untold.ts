import type { EpochMs, GatewayEvent, Position, StateWrite } from '../contract/index.ts'
import { compare } from './keys.ts'
import { gapEvent, type Gap } from './opening.ts'

type Lost = Pick<Gap, 'stream' | 'epoch' | 'from' | 'to' | 'reason'>
/** How an epoch ended, as the ledger tells it. */
type Closing = GatewayEvent['data']
interface Kept { readonly gaps: readonly Lost[]; readonly closings: readonly Closing[] }
interface Owed extends Kept { /** All of it stands in the ledger up to here. */ readonly told: Position }

const prefix = 'untold/'
/** Of one stream and epoch; beyond it neighbours are told as one, with what lies between them. */
const keptRanges = 16
const keptGaps = 500
const keptClosings = 64
const nothing: Kept = { gaps: [], closings: [] }

/**
 * What the ledger tells a reader and that has not read it yet. Its entries may have to give way before it does, and nothing else would still
 * know of them: a place has long moved over what was refused. Kept as state, in the batch of the entry itself.
 */
export class Untold {
  readonly #owed = new Map<string, Owed>()
  /** `entries`: what {@link state} wrote. What earlier epochs told is read by whoever reads in this one. */
  constructor(epoch: string, entries: readonly (readonly [key: string, value: unknown])[]) {
    for (const [key, value] of entries) this.#owed.set(key.slice(prefix.length), { ...(value as Kept), told: { epoch, seq: 0 } })
  }

  static readonly prefix = prefix

  /** Ledger entries about to be committed, `told` the place of the last one. Returns what is to be committed with them. */
  note(events: readonly GatewayEvent[], concern: (event: GatewayEvent) => readonly string[], told: Position): readonly StateWrite[] {
    const changed = new Set<string>()
    for (const event of events) {
      for (const name of concern(event)) {
        this.#set(name, told, (kept) => (event.type === 'gap' ? { ...kept, gaps: joined(kept.gaps, event.data as unknown as Gap).slice(-keptGaps) }
          : { ...kept, closings: [...kept.closings.filter(({ closes }) => closes !== event.data.closes), event.data].slice(-keptClosings) }))
        changed.add(name)
      }
    }
    return [...changed].map((name) => this.#state(name))
  }

  /** They are durable: nothing that these readers are owed lies behind this. */
  told(at: Position): void {
    for (const [name, owed] of this.#owed) if (compare(owed.told, at) > 0) this.#owed.set(name, { ...owed, told: at })
  }

  /** A reader has settled the ledger up to here. */
  read(name: string, at: Position | null): readonly StateWrite[] {
    const owed = this.#owed.get(name)
    if (!owed || compare(at, owed.told) < 0) return []
    return this.forget(name)
  }

  forget(name: string): readonly StateWrite[] { return this.#owed.delete(name) ? [{ key: `${prefix}${name}`, value: null }] : [] }

  /** Told again, for those whose ledger entries gave way. */
  again(names: Iterable<string>, at: EpochMs): readonly GatewayEvent[] {
    const gaps = new Map<string, Gap>()
    const closings = new Map<unknown, GatewayEvent>()
    for (const name of names) {
      const { gaps: lost, closings: ended } = this.#owed.get(name) ?? nothing
      for (const each of lost) {
        const key = `${each.stream}/${each.epoch}/${each.from}-${each.to}/${each.reason}`
        gaps.set(key, { ...each, uplinks: [...gaps.get(key)?.uplinks ?? [], name], hashBefore: '', hashAfter: '' })
      }
      for (const data of ended) closings.set(data.closes, { stream: 'ledger', type: 'epoch', at, data })
    }
    return [...closings.values(), ...[...gaps.values()].map((gap) => gapEvent(at, gap))]
  }

  #set(name: string, told: Position, change: (kept: Kept) => Kept): void {
    const before = this.#owed.get(name)
    this.#owed.set(name, { ...change(before ?? nothing), told: before && compare(before.told, told) > 0 ? before.told : told })
  }

  #state(name: string): StateWrite {
    const { gaps, closings } = this.#owed.get(name)!
    return { key: `${prefix}${name}`, value: { gaps: gaps.map((gap) => ({ ...gap })), closings } }
  }
}

/** With this one; what touches it for the same reason is one. */
function joined(list: readonly Lost[], { stream, epoch, from, to, reason }: Lost): readonly Lost[] {
  const isHere = (each: Lost): boolean => each.stream === stream && each.epoch === epoch
  if (list.some((each) => isHere(each) && each.from <= from && to <= each.to)) return list
  const touches = (each: Lost): boolean => isHere(each) && each.reason === reason && each.from <= to + 1 && from <= each.to + 1
  const touching = list.filter(touches)
  const one: Lost = { stream, epoch, from: Math.min(from, ...touching.map((each) => each.from)), to: Math.max(to, ...touching.map((each) => each.to)), reason }
  const here = [...list.filter((each) => isHere(each) && !touches(each)), one].toSorted((a, b) => a.from - b.from)
  return [...list.filter((each) => !isHere(each)), ...(here.length > keptRanges ? closest(here) : here)]
}

/** The two with the least between them, told as one. */
function closest(list: readonly Lost[]): readonly Lost[] {
  const between = list.slice(1).map((each, index) => each.from - list[index]!.to)
  const at = between.indexOf(Math.min(...between))
  const [a, b] = [list[at]!, list[at + 1]!]
  return [...list.slice(0, at), { ...a, to: Math.max(a.to, b.to) }, ...list.slice(at + 2)]
}
