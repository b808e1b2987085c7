import type { HashMemory } from './memory.ts'

interface Run { from: number; to: number; firstPrev: string; lastHash: string }
interface Declared { readonly from: number; readonly to: number; readonly hashBefore: string; readonly hashAfter: string; readonly uplinks?: readonly string[] | undefined }
export interface Range { readonly from: number; readonly to: number }
export interface Break { readonly seq: number; readonly why: string }
export interface Found {
  readonly holes: readonly Range[]
  readonly breaks: readonly Break[]
  /** What a checkpoint vouches for and nobody has seen: on its way, or lost at the end. */
  readonly awaited: readonly Range[]
  /** The last record, and the last one that a checkpoint vouches for. */
  readonly seq: number
  readonly proven: number
  /** Checkpoints that came when their record was forgotten: nothing was proven by them. */
  readonly unchecked: number
}

const maxRuns = 10_000
const maxBreaks = 1_000
const maxDeclared = 10_000
const maxPending = 1_000

/**
 * One stream of one epoch as it arrives: runs of contiguous records with the hashes at their two ends. Memory grows with holes, not
 * with records. A resend that fills a hole joins its two runs and is checked against both.
 */
export class EpochRuns {
  readonly #runs: Run[] = []
  readonly #declared = new Map<string, Declared>()
  readonly #breaks: Break[] = []
  /** Asserted by checkpoints, not yet seen. */
  readonly #pending = new Map<number, string>()
  readonly #memory: HashMemory
  readonly #name: string
  #end: { readonly seq: number; readonly hash: string; readonly atLeast: boolean } | null = null
  #proven = 0
  #unchecked = 0
  /** Where a consumer that came in the middle stood: by the first checkpoint it saw, and by the first after that. */
  #firstAsserted: number | null = null
  #firmAsserted: number | null = null

  constructor(memory: HashMemory, name: string) { this.#memory = memory; this.#name = name }

  /** `late`: seen for the first time, after a later one. */
  add({ seq, prevhash, hash }: { readonly seq: number; readonly prevhash: string; readonly hash: string }): 'new' | 'late' | 'repeat' {
    const at = this.#after(seq)
    const before = this.#runs[at - 1]
    if (before && seq <= before.to) {
      const same = seq === before.to ? hash === before.lastHash : this.#memory.matches(this.#place(seq), hash)
      if (same === false) this.#break(seq, 'sent again with other content')
      return 'repeat'
    }
    const next = this.#runs[at]
    const joinsBefore = before?.to === seq - 1
    const joinsNext = next?.from === seq + 1
    if (joinsBefore && before.lastHash !== prevhash) this.#break(seq, 'prevhash is not the hash of the record before')
    if (joinsNext && next.firstPrev !== hash) this.#break(seq + 1, 'prevhash is not the hash of the record before')
    if (joinsBefore && joinsNext) { before.to = next.to; before.lastHash = next.lastHash; this.#runs.splice(at, 1) }
    else if (joinsBefore) { before.to = seq; before.lastHash = hash }
    else if (joinsNext) { next.from = seq; next.firstPrev = prevhash }
    else if (this.#runs.length < maxRuns) this.#runs.splice(at, 0, { from: seq, to: seq, firstPrev: prevhash, lastHash: hash })
    this.#memory.put(this.#place(seq), hash)
    this.#meet(seq, hash)
    return next ? 'late' : 'new'
  }

  /** False when this very gap is known, or when there are too many to keep: then what they explain stays a hole. */
  declare(gap: Declared): boolean {
    const key = `${gap.from}-${gap.to}-${gap.uplinks?.join() ?? ''}`
    if (this.#declared.has(key) || this.#declared.size >= maxDeclared) return false
    this.#declared.set(key, gap)
    return true
  }

  /** What the next epoch says about this one's end. `atLeast`: the gateway lost part of its store, or got it from a backup, and may have gone on. */
  close({ seq, hash }: { readonly seq: number; readonly hash: string }, { atLeast = false }: { readonly atLeast?: boolean } = {}): void { this.#end = { seq, hash, atLeast } }

  /** What a signed checkpoint says. `first`: of this gateway, none came before. */
  assert({ seq, hash }: { readonly seq: number; readonly hash: string }, first: boolean): void {
    if (first) this.#firstAsserted ??= seq
    else this.#firmAsserted ??= seq
    if (seq === 0) return
    const matches = this.#knows(seq, hash)
    if (matches === 'unseen') {
      this.#pending.set(seq, hash)
      if (this.#pending.size > maxPending) for (const oldest of this.#pending.keys()) { this.#pending.delete(oldest); this.#unchecked++; break }
    } else if (matches === undefined) this.#unchecked++
    else this.#judge(seq, matches)
  }

  /** `joined`: the consumer came in the middle, so nothing is missing before its first record. `uplinks`: over which it receives; null: unknown. */
  check({ joined, uplinks = null }: { readonly joined: boolean; readonly uplinks?: readonly string[] | null }): Found {
    const breaks = [...this.#breaks]
    const gaps = this.#gaps(uplinks, breaks)
    const holes: Range[] = []
    let reached = joined ? this.#joinedAt() : 0
    let hash = ''
    for (const run of this.#runs) {
      if (run.from > reached + 1) holes.push(...undeclared(gaps, reached + 1, run.from - 1, hash, run.firstPrev, breaks))
      reached = Math.max(reached, run.to)
      hash = run.lastHash
    }
    const seq = this.#runs.at(-1)?.to ?? 0
    const end = this.#end
    if (end && !end.atLeast && end.seq < seq) breaks.push({ seq, why: 'beyond the end the gateway declared for this epoch' })
    if (end && end.seq === seq && end.hash !== '' && hash !== '' && end.hash !== hash) breaks.push({ seq, why: 'not the hash the gateway declared for the end of this epoch' })
    if (end && end.seq > reached) { holes.push(...undeclared(gaps, reached + 1, end.seq, hash, end.hash, breaks)); reached = end.seq; hash = end.hash }
    const last = Math.max(0, ...this.#pending.keys())
    const awaited = last > reached ? undeclared(gaps, reached + 1, last, hash, this.#pending.get(last)!, breaks) : []
    return { holes, breaks, awaited, seq, proven: this.#proven, unchecked: this.#unchecked }
  }

  /** Before which record nothing is asked of a consumer that came in the middle. */
  #joinedAt(): number {
    const first = this.#runs[0]
    const asserted = this.#firstAsserted ?? this.#firmAsserted
    const base = first ? first.from - 1 : asserted ?? this.#end?.seq ?? 0
    return this.#firmAsserted === null ? base : Math.min(base, this.#firmAsserted)
  }

  /** Those that apply here, in order, each held against the records around it and the gap before it. */
  #gaps(uplinks: readonly string[] | null, breaks: Break[]): readonly Declared[] {
    const gaps = [...this.#declared.values()].filter((gap) => !gap.uplinks || uplinks === null || gap.uplinks.some((id) => uplinks.includes(id))).toSorted((a, b) => a.from - b.from || b.to - a.to)
    for (const [index, gap] of gaps.entries()) {
      const previous = gaps[index - 1]
      const { from, to, hashBefore, hashAfter } = gap
      const wrongBefore = hashBefore !== '' && from > 1 && this.#memory.matches(this.#place(from - 1), hashBefore) === false
      const asserted = this.#pending.get(to)
      const wrongAfter = hashAfter !== '' && (this.#memory.matches(this.#place(to), hashAfter) === false || (asserted !== undefined && asserted !== hashAfter))
      if (wrongBefore) breaks.push({ seq: from, why: 'a declared gap does not join the record before it' })
      if (wrongAfter) breaks.push({ seq: to, why: 'a declared gap does not join the record after it' })
      if (previous && previous.to === from - 1 && previous.hashAfter && hashBefore && previous.hashAfter !== hashBefore) breaks.push({ seq: from, why: 'a declared gap does not join the gap before it' })
    }
    return gaps
  }

  /** Whether the record there has this hash; undefined: it was here and is forgotten. */
  #knows(seq: number, hash: string): boolean | undefined | 'unseen' {
    const remembered = this.#memory.matches(this.#place(seq), hash)
    if (remembered !== undefined) return remembered
    const at = this.#after(seq)
    const run = this.#runs[at - 1]
    const next = this.#runs[at]
    if (run?.to === seq) return run.lastHash === hash
    if (next?.from === seq + 1) return next.firstPrev === hash
    return run && seq < run.to ? undefined : 'unseen'
  }

  #meet(seq: number, hash: string): void {
    const asserted = this.#pending.get(seq)
    if (asserted === undefined) return
    this.#pending.delete(seq)
    this.#judge(seq, asserted === hash)
  }

  #judge(seq: number, matches: boolean): void {
    if (matches) this.#proven = Math.max(this.#proven, seq)
    else this.#break(seq, 'not the record that a signed checkpoint vouches for')
  }

  #place(seq: number): string { return `${this.#name}/${seq}` }

  /** Index of the first run that begins after `seq`. */
  #after(seq: number): number {
    let low = 0
    let high = this.#runs.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#runs[middle]!.from <= seq) low = middle + 1
      else high = middle
    }
    return low
  }

  #break(seq: number, why: string): void { if (this.#breaks.length < maxBreaks) this.#breaks.push({ seq, why }) }
}

/** What of a hole no gap explains; a gap that explains its edge must also carry the chain across. */
function undeclared(gaps: readonly Declared[], from: number, to: number, hashBefore: string, hashAfter: string, breaks: Break[]): Range[] {
  const holes: Range[] = []
  let next = from
  for (const gap of gaps) {
    if (gap.to < next || gap.from > to) continue
    if (gap.from > next) holes.push({ from: next, to: gap.from - 1 })
    if (gap.from === from && gap.hashBefore && hashBefore && gap.hashBefore !== hashBefore) breaks.push({ seq: from, why: 'a declared gap does not join the record before it' })
    if (gap.to === to && gap.hashAfter && hashAfter && gap.hashAfter !== hashAfter) breaks.push({ seq: to, why: 'a declared gap does not join the record after it' })
    next = gap.to + 1
  }
  if (next <= to) holes.push({ from: next, to })
  return holes
}
