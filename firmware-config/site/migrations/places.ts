import { isAlias, isMap, isScalar, isSeq, parseDocument, type Alias, type Document, type Node } from 'yaml'
import { isObject, keyText, toPlain, valueAt, type Plain } from '../plain.ts'
import type { Path } from '../problems.ts'

/** A text that YAML reads without a fault: its nodes, and what they say. */
export interface Tree { readonly root: Node | null; readonly plain: Plain }

export function treeOf(text: string): Tree {
  const { contents }: Document.Parsed = parseDocument(text, { prettyErrors: false, uniqueKeys: false, merge: false, logLevel: 'silent' })
  return { root: contents, plain: toPlain(contents, () => {}) }
}

/** Every place of a key that is there, through aliases too; `*` of the pattern is what stands there. */
export function placesOf(plain: Plain, [step, ...rest]: readonly string[], at: Path = []): readonly Path[] {
  if (step === undefined) return [at]
  if (step === '*' && Array.isArray(plain)) return plain.flatMap((item, index) => placesOf(item, rest, [...at, index]))
  if (!isObject(plain)) return []
  const keys = step === '*' ? Object.keys(plain) : Object.hasOwn(plain, step) ? [step] : []
  return keys.flatMap((key) => placesOf(plain[key]!, rest, [...at, key]))
}

/** Null where nothing stands. */
export const plainAt = (plain: Plain, path: Path): Plain => (valueAt(plain, path) ?? null) as Plain

/** The nodes on the way to a place, the root first, as far as no alias stands in it; an alias is the last one then. */
export function nodesTo(root: Node | null, path: Path): readonly Node[] {
  const nodes: Node[] = root ? [root] : []
  for (const step of path) {
    const node = nodes.at(-1)
    const next = isMap(node) ? node.items.find(({ key }) => keyText(key) === step)?.value : isSeq(node) ? node.items[Number(step)] : undefined
    if (!next) break
    nodes.push(next as Node)
  }
  return nodes
}

/** Every alias: where it stands, and the node whose anchor it names. */
export function aliasesIn(root: Node | null): readonly { readonly alias: Alias; readonly target: Node | undefined; readonly at: Path }[] {
  const found: { alias: Alias; target: Node | undefined; at: Path }[] = []
  // In the order of the file: an alias means the latest anchor above it.
  const anchors = new Map<string, Node>()
  const visit = (node: unknown, at: Path): void => {
    if (isAlias(node)) { found.push({ alias: node, target: anchors.get(node.source), at }); return }
    if (!isScalar(node) && !isMap(node) && !isSeq(node)) return
    if (node.anchor) anchors.set(node.anchor, node)
    if (isMap(node)) for (const { key, value } of node.items) visit(value, [...at, keyText(key) ?? ''])
    if (isSeq(node)) for (const [index, item] of node.items.entries()) visit(item, [...at, index])
  }
  visit(root, [])
  return found
}
