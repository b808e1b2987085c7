import { isAlias, isMap, isScalar, isSeq, parseDocument, type Node, type Pair, type YAMLMap } from 'yaml'
import { DataError } from '../../gateway/kit/index.ts'
import { keyText, type Plain, type PlainObject } from '../site/plain.ts'
import { at, columnOf, endOf, flow, lineEnd, lineStart, newline, onItsLine, splice, startOf, type Splice } from '../site/text-edit.ts'
import type { PointChange } from './plan.ts'
import type { SiteDevice } from './site-points.ts'

/**
 * The site file's text with the changes in it. Only the text of what changes is touched: every other byte, comments and alignment too,
 * stays. Throws DataError POINTS_SHARED for a device that is written as an alias.
 */
export function editSite(text: string, changes: readonly PointChange[]): string {
  // What goes, goes first: then what comes has a place that stands still.
  const goes = changes.some(({ kind, unset }) => kind === 'removed' || unset.length > 0)
  const thinner = goes ? splice(text, byDevice(text, changes, (device, all) => thin(text, device, all))) : text
  return splice(thinner, byDevice(thinner, changes, (device, all) => grow(thinner, device, all)))
}

/** Keys of one entry of a list, added or changed; every other byte stays. Throws DataError POINTS_SHARED for an entry that is an alias. */
export function editEntry(text: string, list: 'devices' | 'connections', index: number, set: PlainObject): string {
  const document = parseDocument(text, { prettyErrors: false, uniqueKeys: false, merge: false, logLevel: 'silent' })
  const entries = document.get(list, true)
  const node = isSeq(entries) ? entries.items[index] : undefined
  if (!isMap(node)) throw new DataError('POINTS_SHARED', `entry ${index + 1} of ${list} is shared with another part of the site file (an anchor & or an alias *); write it out, then try again`)
  return splice(text, assign(text, node, set))
}

function byDevice(text: string, changes: readonly PointChange[], edit: (device: YAMLMap, changes: readonly PointChange[]) => Splice[]): Splice[] {
  const document = parseDocument(text, { prettyErrors: false, uniqueKeys: false, merge: false, logLevel: 'silent' })
  const list = document.get('devices', true)
  return [...Map.groupBy(changes, ({ device }) => device)].flatMap(([device, all]) => {
    const node = isSeq(list) ? list.items[device.index] : undefined
    if (!isMap(node)) throw shared(device)
    return edit(node, all)
  })
}

const shared = ({ id }: SiteDevice): DataError => new DataError('POINTS_SHARED', `the points of device ${id} are shared with another part of the site file (an anchor & or an alias *); write them out at each device, then import again`)

/** Removed points and removed keys. */
function thin(text: string, device: YAMLMap, changes: readonly PointChange[]): Splice[] {
  const points = pairOf(device, 'points')?.value
  if (!isMap(points)) return []
  const gone = new Set<string>()
  const splices: Splice[] = []
  const values = valuesOf(points)
  for (const { kind, point, set, unset } of changes) {
    const keys = values.get(point)
    // An override that says nothing any more is noise.
    if (kind === 'removed' || (isMap(keys) && unset.length > 0 && Object.keys(set).length === 0 && keys.items.every(({ key }) => unset.includes(keyText(key)!)))) gone.add(point)
    else if (isMap(keys) && unset.length > 0) splices.push(...without(text, keys, new Set(unset)))
  }
  return [...splices, ...(gone.size > 0 ? without(text, points, gone) : [])]
}

function without(text: string, map: YAMLMap, names: ReadonlySet<string>): Splice[] {
  const kept = map.items.filter(({ key }) => !names.has(keyText(key) ?? ''))
  if (kept.length === 0) return [{ from: startOf(map), to: endOf(map), text: '{}' }]
  if (!map.flow) return map.items.filter((pair) => !kept.includes(pair)).map((pair) => ({ from: lineStart(text, startOf(pair.key)), to: lineEnd(text, endOf(pair)) + newline(text).length, text: '' }))
  return map.items.flatMap((pair, index) => {
    if (!names.has(keyText(pair.key) ?? '')) return []
    const next = map.items[index + 1]
    // The last ones take the comma before them along: from the end of the last that stays.
    if (next) return map.items.slice(index + 1).some((each) => kept.includes(each)) ? [{ from: startOf(pair.key), to: startOf(next.key), text: '' }] : []
    return [{ from: endOf(kept.at(-1)!), to: endOf(pair), text: '' }]
  })
}

/** Added points, and added and changed keys. */
function grow(text: string, device: YAMLMap, changes: readonly PointChange[]): Splice[] {
  const wanted = changes.filter(({ kind, set }) => kind !== 'removed' && Object.keys(set).length > 0)
  if (wanted.length === 0) return []
  const pair = pairOf(device, 'points')
  const points = pair?.value
  if (isAlias(points)) throw shared(wanted[0]!.device)
  const fresh: [string, PlainObject][] = []
  const splices: Splice[] = []
  const values = valuesOf(points)
  for (const { device: owner, point, set } of wanted) {
    const keys = values.get(point)
    if (isAlias(keys)) throw shared(owner)
    if (isMap(keys)) splices.push(...assign(text, keys, set))
    else fresh.push([point, set])
  }
  if (fresh.length === 0) return splices
  if (isMap(points) && points.items.length > 0) return [...splices, insert(text, points, fresh)]
  const lines = fresh.map(([name, value]) => flow(name, value))
  if (pair && points) return [...splices, { from: startOf(points), to: endOf(points), text: flowMap(text, device, lines) }]
  return [...splices, device.flow ? at(endOf(device.items.at(-1)!), `, points: ${flowMap(text, device, lines)}`) : block(text, device, ['points:', ...lines.map((line) => `  ${line}`)])]
}

/** More new points than this stand one on a line. */
const manyPoints = 2

function flowMap(text: string, device: YAMLMap, lines: readonly string[]): string {
  if (lines.length <= manyPoints) return `{ ${lines.join(', ')} }`
  const line = (indent: number): string => newline(text) + ' '.repeat(columnOf(text, startOf(device)) + indent)
  return `{${line(4)}${lines.join(`,${line(4)}`)}${line(2)}}`
}

function assign(text: string, map: YAMLMap, set: PlainObject): Splice[] {
  const fresh = Object.entries(set).filter(([key]) => !pairOf(map, key))
  const changed = Object.entries(set).flatMap(([key, value]) => { const pair = pairOf(map, key); return pair ? [replace(text, pair, key, value)] : [] })
  if (fresh.length === 0) return changed
  const lines = fresh.map(([key, value]) => flow(key, value))
  if (map.items.length === 0) return [{ from: startOf(map), to: endOf(map), text: `{ ${lines.join(', ')} }` }]
  return [...changed, map.flow ? at(endOf(map.items.at(-1)!), lines.map((line) => `, ${line}`).join('')) : block(text, map, lines)]
}

function replace(text: string, pair: Pair, key: string, value: Plain): Splice {
  const rendered = flow(key, value).slice(flow(key, 0).length - 1)
  const { value: old } = pair as { value: Node | null }
  if (!old || (isScalar(old) && old.source === '' && old.value === null)) return at(endOf(pair), ` ${rendered}`)
  // A block value begins on a line of its own: the new one stands behind its key.
  const isBlock = (isMap(old) || isSeq(old)) && !old.flow
  const colon = isBlock ? text.indexOf(':', endOf(pair.key as Node)) + 1 : startOf(old)
  return { from: colon, to: onItsLine(text, endOf(old)), text: isBlock ? ` ${rendered}` : rendered }
}

/** New points into a mapping that has some. */
function insert(text: string, points: YAMLMap, fresh: readonly (readonly [string, PlainObject])[]): Splice {
  const lines = fresh.map(([name, value]) => flow(name, value))
  if (!points.flow) return block(text, points, lines)
  const start = lineStart(text, startOf(points))
  const indent = /^[ -]*/.exec(text.slice(start, startOf(points)))![0].length + 2
  const separator = lines.length > manyPoints ? `,${newline(text)}${' '.repeat(indent)}` : ', '
  return at(endOf(points.items.at(-1)!), lines.map((line) => separator + line).join(''))
}

/** New lines after the last entry of a block mapping, behind that entry's own comment. */
function block(text: string, map: YAMLMap, lines: readonly string[]): Splice {
  const indent = newline(text) + ' '.repeat(columnOf(text, startOf(map)))
  return at(lineEnd(text, endOf(map)), lines.map((line) => indent + line).join(''))
}

const pairOf = (map: YAMLMap, name: string): Pair | undefined => map.items.find(({ key }) => keyText(key) === name)

const valuesOf = (points: unknown): ReadonlyMap<string, unknown> => new Map(isMap(points) ? points.items.map(({ key, value }) => [keyText(key)!, value]) : [])
