interface Run { from: number; to: number; firstPrev: string; lastHash: string }
interface Declared { readonly from: number; readonly to: number; readonly hashBefore: string; readonly hashAfter: string }
export interface Found { readonly holes: { readonly from: number; readonly to: number }[]; readonly breaks: { readonly seq: number; readonly why: string }[] }

const maxRuns = 10_000
const maxBreaks = 1_000

/**
 * One stream of one epoch as it arrives: runs of contiguous records with the hashes at their two ends. Memory grows with holes, not
 * with records. A resend that fills a hole joins its two runs and is checked against both.
 */
export class EpochRuns {
  readonly #runs: Run[] = []
  readonly #declared = new Map<string, Declared>()
  readonly #breaks: { seq: number; why: string }[] = []
  #end: { readonly seq: number; readonly hash: string } | null = null

  /** False for one that was here before. */
  add({ seq, prevhash, hash }: { readonly seq: number; readonly prevhash: string; readonly hash: string }): boolean {
    const at = this.#after(seq)
    const before = this.#runs[at - 1]
    if (before && seq <= before.to) {
      if (seq === before.to && hash !== before.lastHash) this.#break(seq, 'sent again with other content')
      return false
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
    return true
  }

  /** False when this very gap is known. */
  declare(gap: Declared): boolean {
    const key = `${gap.from}-${gap.to}`
    if (this.#declared.has(key)) return false
    this.#declared.set(key, gap)
    return true
  }

  /** What the next epoch says about this one's end. */
  close(end: { readonly seq: number; readonly hash: string }): void { this.#end = end }

  /** `joined`: the consumer came in the middle, so nothing is missing before its first record. */
  check({ joined }: { readonly joined: boolean }): Found {
    const holes: { from: number; to: number }[] = []
    const breaks = [...this.#breaks]
    let reached = joined ? (this.#runs[0]?.from ?? (this.#end?.seq ?? 0) + 1) - 1 : 0
    let hash = ''
    for (const run of this.#runs) {
      if (run.from > reached + 1) holes.push(...this.#undeclared(reached + 1, run.from - 1, hash, run.firstPrev, breaks))
      reached = run.to
      hash = run.lastHash
    }
    const end = this.#end
    if (end && end.seq > reached) holes.push(...this.#undeclared(reached + 1, end.seq, hash, end.hash, breaks))
    if (end && end.seq < reached) breaks.push({ seq: reached, why: 'beyond the end the gateway declared for this epoch' })
    if (end && end.seq === reached && end.hash !== '' && hash !== '' && end.hash !== hash) breaks.push({ seq: reached, why: 'not the hash the gateway declared for the end of this epoch' })
    return { holes, breaks }
  }

  /** What of a hole no gap explains; a gap that explains it must also carry the chain across. */
  #undeclared(from: number, to: number, hashBefore: string, hashAfter: string, breaks: { seq: number; why: string }[]): { from: number; to: number }[] {
    const holes: { from: number; to: number }[] = []
    let next = from
    for (const gap of [...this.#declared.values()].toSorted((a, b) => a.from - b.from || b.to - a.to)) {
      if (gap.to < next || gap.from > to) continue
      if (gap.from > next) holes.push({ from: next, to: gap.from - 1 })
      if (gap.from === from && gap.hashBefore && hashBefore && gap.hashBefore !== hashBefore) breaks.push({ seq: from, why: 'a declared gap does not join the record before it' })
      if (gap.to === to && gap.hashAfter && hashAfter && gap.hashAfter !== hashAfter) breaks.push({ seq: to, why: 'a declared gap does not join the record after it' })
      next = gap.to + 1
    }
    if (next <= to) holes.push({ from: next, to })
    return holes
  }

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
