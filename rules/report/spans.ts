import type { EpochMs } from '../../gateway/contract/index.ts'

/** [from, to). A list of them is in order and does not overlap. */
export type Span = readonly [from: EpochMs, to: EpochMs]

export const total = (spans: readonly Span[]): number => spans.reduce((sum, [from, to]) => sum + to - from, 0)

export function union(spans: readonly Span[]): readonly Span[] {
  const result: [EpochMs, EpochMs][] = []
  for (const [from, to] of spans.filter(([start, end]) => end > start).toSorted((a, b) => a[0] - b[0])) {
    const last = result.at(-1)
    if (last && from <= last[1]) last[1] = Math.max(last[1], to)
    else result.push([from, to])
  }
  return result
}

export function intersect(a: readonly Span[], b: readonly Span[]): readonly Span[] {
  const result: Span[] = []
  for (let [i, j] = [0, 0]; i < a.length && j < b.length;) {
    const [from, to] = [Math.max(a[i]![0], b[j]![0]), Math.min(a[i]![1], b[j]![1])]
    if (to > from) result.push([from, to])
    if (a[i]![1] < b[j]![1]) i++
    else j++
  }
  return result
}

export const subtract = (a: readonly Span[], b: readonly Span[]): readonly Span[] => intersect(a, complement(b))

function complement(spans: readonly Span[]): readonly Span[] {
  const result: Span[] = []
  let from = -Infinity
  for (const [start, end] of spans) { if (start > from) result.push([from, start]); from = end }
  return [...result, [from, Infinity]]
}
