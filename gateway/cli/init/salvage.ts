import type { z } from 'zod'
import { check } from '../../../firmware-config/site/check.ts'
import { isObject, type Plain, type PlainObject } from '../../../firmware-config/site/plain.ts'
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
  const drop = (path: Path): void => dropped(root, path, gone, left)
  for (let round = 0; round < rounds; round++) {
    const wrong: Path[] = []
    const found = check(schema, root, (path) => { wrong.push(path) })
    if (found) return { data: found.data, gone, given: (path) => asGiven(path, left) }
    // Entries of a list from the last to the first: what goes moves none that is still to go.
    for (const [index, path] of [...wrong].toSorted((a, b) => (a.join('/') < b.join('/') ? 1 : -1)).entries()) mend(root, path, round * 100 + index, drop)
  }
  return null
}

function mend(root: PlainObject, path: Path, n: number, drop: (path: Path) => void): void {
  const holder = at(root, path.slice(0, -1))
  const key = path.at(-1)
  if (typeof key === 'number' || !isObject(holder)) return drop(path)
  if (key === undefined) return
  if (Object.hasOwn(holder, key)) { delete holder[key]; return }
  const make = standIns[key]
  if (make) holder[key] = make(n)
  else drop(path.slice(0, -1))
}

/** The nearest entry of a list that it belongs to, or its section. */
function dropped(root: PlainObject, path: Path, gone: Set<string>, left: Map<string, number[]>): void {
  const index = path.findLastIndex((part) => typeof part === 'number')
  const list = at(root, path.slice(0, index))
  if (index < 0 || !Array.isArray(list)) { if (typeof path[0] === 'string') delete root[path[0]]; return }
  const [entry] = list.splice(Number(path[index]), 1)
  if (isObject(entry) && typeof entry.id === 'string') gone.add(entry.id)
  const name = path.slice(0, index).join('/')
  left.set(name, [...(left.get(name) ?? []), asGiven(path.slice(0, index + 1), left).at(-1) as number].toSorted((a, b) => a - b))
}

function asGiven(path: Path, left: ReadonlyMap<string, readonly number[]>): Path {
  return path.map((part, index) => {
    if (typeof part !== 'number') return part
    let place = part
    for (const each of left.get(path.slice(0, index).join('/')) ?? []) if (each <= place) place++
    return place
  })
}

const at = (root: Plain, path: Path): Plain | undefined => path.reduce<Plain | undefined>((value, part) => (Array.isArray(value) ? value[Number(part)] : isObject(value) ? value[part] : undefined), root)
