import type { z } from 'zod'
import { check } from '../../../firmware-config/site/check.ts'
import { isObject, valueAt, type Plain, type PlainObject } from '../../../firmware-config/site/plain.ts'
import type { Path } from '../../../firmware-config/site/problems.ts'

/** Answers without what is wrong in them, so that the rest can be judged in the same round. */
export interface Salvaged<T> {
  readonly data: T
  /** Where a place of `data` stands in what was given. */
  given(path: Path): Path
  /** Ids of entries that had to be left out: who refers to one is not to blame. */
  readonly gone: ReadonlySet<string>
}

/** Stands in for what must be there and is wrong; nothing of it is ever written. */
const standIns: Readonly<Record<string, (n: number) => Plain>> = {
  id: (n) => `wrong-${n}`, name: () => ({ zh: '-', en: '-' }), zh: () => '-', en: () => '-', region: () => '420106', kind: () => 'door', line: (n) => 60_000 + n, url: () => 'mqtt://127.0.0.1',
  when: () => ['mon-sun 00:00-24:00'], site: () => ({ id: 'wrong', name: { zh: '-', en: '-' }, region: '420106' }),
}

/** Each round takes out at least one wrong thing. */
const rounds = 12

/** Null where nothing of use is left. */
export function salvage<T extends z.ZodType>(schema: T, value: Plain): Salvaged<z.output<T>> | null {
  if (!isObject(value)) return null
  const root = structuredClone(value) as PlainObject
  const gone = new Set<string>()
  const left = new Map<string, number[]>()
  for (let round = 0; round < rounds; round++) {
    const wrong: Path[] = []
    const found = check(schema, root, (path) => { wrong.push(path) })
    if (found) return { data: found.data, gone, given: (path) => asGiven(path, left) }
    const toGo = wrong.flatMap((path, index) => mend(root, path, round * 100 + index) ?? [])
    // Each once, and from the last to the first: what goes moves none that is still to go.
    for (const path of [...new Map(toGo.map((each) => [each.join('/'), each])).values()].toSorted(lastFirst)) drop(root, path, gone, left)
  }
  return null
}

/** What must go as a whole, where the fault cannot be taken out alone: the nearest entry of a list, or the section. */
function mend(root: PlainObject, path: Path, n: number): readonly [Path] | null {
  const holder = valueAt(root, path.slice(0, -1))
  const key = path.at(-1)
  if (typeof key === 'number' || !isObject(holder)) return [entryOf(path)]
  if (key === undefined) return null
  if (Object.hasOwn(holder, key)) { delete holder[key]; return null }
  const make = standIns[key]
  if (!make) return [entryOf(path.slice(0, -1))]
  holder[key] = make(n)
  return null
}

const entryOf = (path: Path): Path => path.slice(0, Math.max(path.findLastIndex((part) => typeof part === 'number') + 1, 1))

function lastFirst(a: Path, b: Path): number {
  const place = a.findIndex((part, index) => part !== b[index])
  const [left, right] = [a[place], b[place]]
  // What lies within goes before what holds it.
  if (place < 0 || right === undefined) return place < 0 ? 1 : -1
  return typeof left === 'number' && typeof right === 'number' ? right - left : String(left) < String(right) ? 1 : -1
}

function drop(root: PlainObject, path: Path, gone: Set<string>, left: Map<string, number[]>): void {
  const index = path.length - 1
  const list = valueAt(root, path.slice(0, index))
  if (!Array.isArray(list)) { if (typeof path[0] === 'string') delete root[path[0]]; return }
  const [entry] = list.splice(Number(path[index]), 1)
  if (isObject(entry) && typeof entry.id === 'string') gone.add(entry.id)
  const name = path.slice(0, index).join('/')
  left.set(name, [...(left.get(name) ?? []), asGiven(path, left).at(-1) as number].toSorted((a, b) => a - b))
}

function asGiven(path: Path, left: ReadonlyMap<string, readonly number[]>): Path {
  return path.map((part, index) => {
    if (typeof part !== 'number') return part
    let place = part
    for (const each of left.get(path.slice(0, index).join('/')) ?? []) if (each <= place) place++
    return place
  })
}

