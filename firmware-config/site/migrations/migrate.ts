import { isAlias, isMap, isScalar } from 'yaml'
import { keyText, valueAt, type Plain } from '../plain.ts'
import type { Path } from '../problems.ts'
import { endOf, flow, inline, placeBefore, splice, startOf, type Splice } from '../text-edit.ts'
import { isOlder, migrations } from './index.ts'
import type { KeyChange, Migration } from './migration.ts'
import { aliasesIn, nodesTo, placesOf, plainAt, treeOf, type Tree } from './places.ts'

/** One key that was there and is written otherwise. */
export interface AppliedChange { readonly path: Path; readonly before: Plain; readonly to: Path; readonly after: Plain; readonly why: string }

/** A key that a text calls by a name which came with a later version than it says to be of. */
export interface NewerName {
  readonly path: Path
  readonly since: number
  /** What its own version calls it. */
  readonly older: string
  /** The older name stands beside it: which one is meant, nobody knows. */
  readonly both: boolean
}

/** A site file's text in the present version. Only what changes is touched: comments, order, anchors and every other byte stay. */
export interface Migrated {
  readonly text: string
  readonly from: number
  readonly to: number
  readonly changes: readonly AppliedChange[]
  /** In the old text. What holds both names says them twice in the new one. */
  readonly newer: readonly NewerName[]
  /** Where a place of the new text stands in the old one. */
  back(offset: number): number
  /** What a path of the new text is called in the old one. */
  spell(path: Path): Path
}

/** Null: it is no text of an older version. `text` must be free of faults that YAML itself knows. */
export function migrate(text: string, steps: readonly Migration[] = migrations): Migrated | null {
  const version = plainAt(treeOf(text).plain, ['linli'])
  const from = steps.findIndex((step) => step.from === version)
  if (from < 0 || (steps === migrations && !isOlder(version))) return null
  let now = text
  const done = steps.slice(from).map((step) => { const made = oneStep(now, step); now = made.text; return made })
  const spelt = (path: Path, upTo = done.length): Path => done.slice(0, upTo).toReversed().reduce(olderNames, path)
  return {
    text: now, from: steps[from]!.from, to: steps.at(-1)!.from + 1, changes: done.flatMap(({ changes }) => changes),
    back: (offset) => done.toReversed().flatMap(({ edits }) => edits.toReversed()).reduce((place, edit) => placeBefore(edit, place), offset),
    newer: done.flatMap(({ newer, since }, index) => newer.map(({ at, older, both }) => ({ path: spelt(at, index), since, older: String(spelt([...at.slice(0, -1), older], index).at(-1)), both }))),
    spell: (path) => spelt(path),
  }
}

/** `at` and patterns are as the version before the step calls them. */
interface Newer { readonly at: Path; readonly older: string; readonly both: boolean }
interface Rename { readonly path: readonly string[]; readonly to: string }
interface Step { readonly text: string; readonly since: number; readonly edits: readonly (readonly Splice[])[]; readonly changes: readonly AppliedChange[]; readonly renames: readonly Rename[]; readonly newer: readonly Newer[] }

function oneStep(before: string, { from, changes }: Migration): Step {
  const all: readonly KeyChange[] = [{ path: ['linli'], value: () => from + 1, why: `the version of the site file` }, ...changes]
  const edits: (readonly Splice[])[] = []
  let text = before
  for (let shared = writtenOut(text, all); shared.length > 0; shared = writtenOut(text, all)) { edits.push(shared); text = splice(text, shared) }
  const tree = treeOf(text)
  const found = all.flatMap((change) => placesOf(tree.plain, change.path).map((at) => ({ change, at, after: newValue(tree, change, at) })))
  const last = found.flatMap(({ change, at, after }) => rewritten(tree, at, change.to, after))
  const renames = changes.flatMap(({ path, to }) => (to === undefined ? [] : [{ path, to }]))
  const newer = renames.flatMap(({ path, to }) => placesOf(tree.plain, [...path.slice(0, -1), to]).map((at) => { const older = path.at(-1)!; return { at, older, both: valueAt(tree.plain, [...at.slice(0, -1), older]) !== undefined } }))
  const applied = found.map(({ change: { to, why }, at, after }) => { const written = plainAt(tree.plain, at); return { path: at, before: written, to: to === undefined ? at : [...at.slice(0, -1), to], after: after ?? written, why } })
  return { text: splice(text, last), since: from + 1, edits: [...edits, last], changes: applied, renames, newer }
}

/** Undefined: it stays as it is. */
function newValue({ plain }: Tree, { value }: KeyChange, at: Path): Plain | undefined {
  const written = plainAt(plain, at)
  const after = value?.(written)
  return after === written ? undefined : after
}

/** What a change would also change elsewhere, because anchor and alias share it: there it is written out, as it was. */
function writtenOut(text: string, changes: readonly KeyChange[]): readonly Splice[] {
  const tree = treeOf(text)
  const aliases = aliasesIn(tree.root)
  if (aliases.length === 0) return []
  const touched = new Set(changes.flatMap((change) => placesOf(tree.plain, change.path).flatMap((at) => {
    const nodes = nodesTo(tree.root, at)
    // A value that stays may go on being shared; what holds the key may not.
    return newValue(tree, change, at) === undefined && nodes.length === at.length + 1 ? nodes.slice(0, -1) : nodes
  })))
  return aliases.filter(({ alias, target }) => touched.has(alias) || (target && touched.has(target)))
    .map(({ alias, at }) => ({ from: startOf(alias), to: endOf(alias), text: inline(plainAt(tree.plain, at)) }))
}

function rewritten({ root }: Tree, at: Path, to: string | undefined, after: Plain | undefined): readonly Splice[] {
  const [holder] = nodesTo(root, at.slice(0, -1)).slice(-1)
  const pair = isMap(holder) ? holder.items.find(({ key }) => keyText(key) === at.at(-1)) : undefined
  if (!pair) return []
  const { key, value } = pair
  const name = to ?? String(at.at(-1))
  const written = after === undefined ? '' : flow(name, after).slice(flow(name, 0).length - 1)
  return [
    ...(to === undefined ? [] : [{ from: startOf(key), to: endOf(key), text: flow(to, 0).slice(0, -': 0'.length) }]),
    ...(after === undefined || !isScalar(value) || isAlias(value) ? [] : [{ from: startOf(value), to: endOf(value), text: written }]),
  ]
}

/** What a text calls by its newer name already keeps that. */
function olderNames(path: Path, { renames, newer }: Step): Path {
  const older: (string | number)[] = []
  for (const [index, step] of path.entries()) {
    const here = (at: Path): boolean => at.length === index + 1 && older.every((part, place) => at[place] === part || at[place] === '*')
    const rename = newer.some(({ at }) => at.at(-1) === step && here(at)) ? undefined : renames.find(({ path: at, to }) => to === step && here(at))
    older.push(rename ? rename.path[index]! : step)
  }
  return older
}
