import { isAlias, isMap, isScalar, isSeq, type Alias, type Node, type Scalar, type YAMLMap } from 'yaml'
import type { Path } from './problems.ts'

export type Plain = null | boolean | number | string | Plain[] | PlainObject
export interface PlainObject { [key: string]: Plain }

export const isObject = (value: unknown): value is PlainObject => typeof value === 'object' && value !== null && !Array.isArray(value)

/** What stands there; undefined where nothing does. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inside, part) => (typeof inside === 'object' && inside !== null && Object.hasOwn(inside, part) ? (inside as Record<string, unknown>)[part] : undefined), value)
}

/** A key as the file spells it: `12` and `true` are text here. */
export const keyText = (key: unknown): string | undefined => {
  if (!isScalar(key)) return undefined
  return typeof key.value === 'string' ? key.value : key.source ?? String(key.value)
}

/** A place without a node of its own is told by its path. */
export type PlainReport = (path: Path, node: Node | null, message: string) => void

/** Deeper than any section of the site file, and harmless to the recursion of what reads it. */
const maxDepth = 32
/** Nodes that aliases may repeat: a bomb of a few lines would make billions. */
const maxRepeated = 20_000

/**
 * YAML nodes to plain values. Written by hand because the library's own `toJS` throws at alias bombs and builds what tags,
 * merge keys and `__proto__` say. What is not plain is reported and left out.
 */
export function toPlain(root: Node | null, report: PlainReport): Plain {
  return new Converter(report).convert(root, [])
}

class Converter {
  readonly #report: PlainReport
  /** Filled in document order, so an alias finds the latest anchor above it. */
  readonly #anchors = new Map<string, Node>()
  readonly #open = new Set<unknown>()
  #repeated = 0
  #aliases = 0
  #tooDeep = false
  #tooMany = false
  constructor(report: PlainReport) { this.#report = report }

  convert(node: unknown, path: Path): Plain {
    if (path.length > maxDepth) return this.#refuseDepth(node, path)
    if (this.#aliases > 0 && ++this.#repeated > maxRepeated) return null
    if (isAlias(node)) return this.#alias(node, path)
    if (!isScalar(node) && !isMap(node) && !isSeq(node)) return null
    if (node.anchor) this.#anchors.set(node.anchor, node)
    if (node.tag) this.#report(path, node, `tags such as ${node.tag.slice(0, 60)} have no meaning here; remove it`)
    if (isScalar(node)) return this.#scalar(node, path)
    this.#open.add(node)
    const plain = isMap(node) ? this.#map(node, path) : node.items.map((item, index) => this.convert(item, [...path, index]))
    this.#open.delete(node)
    return plain
  }

  #scalar(node: Scalar, path: Path): Plain {
    const { value } = node
    if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
    if (typeof value === 'number' && Number.isFinite(value)) return value
    this.#report(path, node, `${String(node.source ?? value).slice(0, 60)} is not a value a site file can hold`)
    return null
  }

  #alias(node: Alias, path: Path): Plain {
    const target = this.#anchors.get(node.source)
    if (!target || this.#open.has(target)) {
      this.#report(path, node, target ? `*${node.source} stands inside its own anchor` : `no anchor &${node.source} above this line`)
      return null
    }
    this.#aliases++
    const plain = this.convert(target, path)
    this.#aliases--
    if (this.#repeated > maxRepeated && !this.#tooMany) {
      this.#tooMany = true
      this.#report(path, node, 'aliases repeat too much here; write the values out')
    }
    return plain
  }

  #map(node: YAMLMap, path: Path): PlainObject {
    const plain: PlainObject = {}
    for (const { key, value } of node.items) {
      const name = keyText(key)
      const problem = keyProblem(name, plain)
      if (problem) this.#report(name === undefined ? path : [...path, name], isScalar(key) ? key : node, problem)
      if (name !== undefined && !problem) plain[name] = this.convert(value, [...path, name])
    }
    return plain
  }

  #refuseDepth(node: unknown, path: Path): null {
    if (!this.#tooDeep) this.#report(path.slice(0, 4), isScalar(node) || isMap(node) || isSeq(node) ? node : null, `nested deeper than ${maxDepth} levels`)
    this.#tooDeep = true
    return null
  }
}

function keyProblem(name: string | undefined, seen: PlainObject): string | undefined {
  if (name === undefined) return 'a key must be plain text'
  if (name === '') return 'a key is empty'
  if (name === '__proto__') return 'unknown key "__proto__"'
  if (name === '<<') return 'merge keys ("<<") are not read; write the keys out'
  if (Object.hasOwn(seen, name)) return `the key ${JSON.stringify(name)} is written twice; keep one`
  return undefined
}
