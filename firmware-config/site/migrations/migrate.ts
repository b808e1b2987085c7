import { isAlias, isMap, isScalar } from 'yaml'
import { keyText, type Plain } from '../plain.ts'
import type { Path } from '../problems.ts'
import { endOf, flow, inline, placeBefore, splice, startOf, type Splice } from '../text-edit.ts'
import { isOlder, migrations } from './index.ts'
import type { KeyChange, Migration } from './migration.ts'
import { aliasesIn, nodesTo, placesOf, plainAt, treeOf, type Tree } from './places.ts'

/** One key that was there and is written otherwise. */
export interface AppliedChange { readonly path: Path; readonly before: Plain; readonly to: Path; readonly after: Plain; readonly why: string }

/** A site file's text in the present version. Only what changes is touched: comments, order, anchors and every other byte stay. */
export interface Migrated {
  readonly text: string
  readonly from: number
  readonly to: number
  readonly changes: readonly AppliedChange[]
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
  return {
    text: now, from: steps[from]!.from, to: steps.at(-1)!.from + 1, changes: done.flatMap(({ changes }) => changes),
    back: (offset) => done.toReversed().flatMap(({ edits }) => edits.toReversed()).reduce((place, edit) => placeBefore(edit, place), offset),
    spell: (path) => done.toReversed().reduce((spelt, { renames }) => olderNames(spelt, renames), path),
  }
}

interface Rename { readonly at: Path; readonly to: string }
interface Step { readonly text: string; readonly edits: readonly (readonly Splice[])[]; readonly changes: readonly AppliedChange[]; readonly renames: readonly Rename[] }

function oneStep(before: string, { from, changes }: Migration): Step {
  const all: readonly KeyChange[] = [{ path: ['linli'], value: () => from + 1, why: `the version of the site file` }, ...changes]
  const edits: (readonly Splice[])[] = []
  let text = before
  for (let shared = writtenOut(text, all); shared.length > 0; shared = writtenOut(text, all)) { edits.push(shared); text = splice(text, shared) }
  const tree = treeOf(text)
  const found = all.flatMap((change) => placesOf(tree.plain, change.path).map((at) => ({ change, at, after: newValue(tree, change, at) })))
  const last = found.flatMap(({ change, at, after }) => rewritten(tree, at, change.to, after))
  const renames = found.flatMap(({ change: { to }, at }) => (to === undefined ? [] : [{ at, to }]))
  const applied = found.map(({ change: { to, why }, at, after }) => { const written = plainAt(tree.plain, at); return { path: at, before: written, to: to === undefined ? at : [...at.slice(0, -1), to], after: after ?? written, why } })
  return { text: splice(text, last), edits: [...edits, last], changes: applied, renames }
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

function olderNames(path: Path, renames: readonly Rename[]): Path {
  const older: (string | number)[] = []
  for (const [index, step] of path.entries()) {
    const rename = renames.find(({ at, to }) => to === step && at.length === index + 1 && older.every((part, place) => part === at[place]))
    older.push(rename ? rename.at[index]! : step)
  }
  return older
}
