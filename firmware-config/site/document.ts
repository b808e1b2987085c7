import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node, type Pair } from 'yaml'
import { keyText, toPlain, type Plain } from './plain.ts'
import { Problems, type Located, type Path, type Place } from './problems.ts'
import { offsetInText } from './text-offset.ts'
import { readText } from './read-text.ts'

/** A parsed YAML file that knows where each path stands. */
export interface SourceDocument extends Located {
  /** Objects have own keys only, never `__proto__`; no aliases, tags or merge keys are left. */
  readonly value: Plain
}

/** Reports what YAML itself refuses. null when nothing usable was found; a problem was reported then. Never throws. */
export async function readDocument(file: string, problems: Problems): Promise<SourceDocument | null> {
  const text = await textOf(file, problems)
  return text === null ? null : parseText(file, text, problems)
}

/** null when it cannot be read as text; a problem was reported then. Never throws. */
export async function textOf(file: string, problems: Problems): Promise<string | null> {
  const read = await readText(file)
  if ('text' in read) return read.text
  const { line = 1, column = 1 } = read
  problems.in({ file, locate: () => ({ line, column }) })([], read.problem)
  return null
}

/** Where a text came from, when it is not what a person wrote: problems are told of that. */
export interface Origin {
  readonly text: string
  /** Where a place of the parsed text stands in it. */
  back(offset: number): number
  /** What it calls a path of the parsed text. */
  spell(path: Path): Path
}

export function parseText(file: string, text: string, problems: Problems, origin?: Origin): SourceDocument | null {
  const lines = new LineCounter()
  const own = origin ? linesOf(origin.text) : lines
  const place = (offset: number) => position(own, origin ? origin.back(offset) : offset)
  const at = (offset: number) => ({ file, locate: () => place(offset), ...(origin ? { spell: (path: Path) => origin.spell(path) } : {}) })
  let document: Document.Parsed
  try {
    // Unique keys are checked in toPlain: the library compares each key with every other.
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false, merge: false, logLevel: 'silent' })
  } catch {
    // The parser recurses; what it throws on a hostile file is a stack overflow.
    problems.in(at(0))([], 'cannot be read as YAML: nested too deeply')
    return null
  }
  const { yaml } = document.directives
  if (yaml.explicit && yaml.version !== '1.2') problems.in(at(0))([], `YAML ${yaml.version} reads values differently; remove the %YAML line`)
  for (const { pos, message } of [...document.errors, ...document.warnings].slice(0, 20)) problems.in(at(pos[0]))([], message)
  if (document.errors.length > 0) return null
  const offset = (path: Path, part: Place): number => (typeof part === 'number' ? offsetInText(document.getIn(path, true), text, part) ?? offsetOf(document.contents, path, 'value') : offsetOf(document.contents, path, part))
  const source = { ...at(0), locate: (path: Path, part: Place) => place(offset(path, part)) }
  const value = toPlain(document.contents, (path, node, message) => problems.in(node?.range ? at(node.range[0]) : source, path)([], message))
  return { ...source, value }
}

function linesOf(text: string): LineCounter {
  const lines = new LineCounter()
  lines.addNewLine(0)
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) lines.addNewLine(end + 1)
  return lines
}

function position(lines: LineCounter, offset: number): { readonly line: number; readonly column: number } {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(1, line), column: Math.max(1, col) }
}

/**
 * The path's own place, or the key of the deepest pair that exists. What lies behind an alias is placed at its use, which is
 * where the reader of the message has to look first.
 */
function offsetOf(root: Node | null, path: Path, part: 'key' | 'value'): number {
  let node: unknown = root
  let offset = root?.range?.[0] ?? 0
  for (const [index, step] of path.entries()) {
    const last = index === path.length - 1
    if (isMap(node)) {
      const pair = node.items.find((item) => keyText(item.key) === String(step))
      if (!pair) return offset
      offset = last && part === 'value' ? valueOffset(pair) ?? keyOffset(pair) ?? offset : keyOffset(pair) ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(step)]
      offset = startOf(node) ?? offset
    }
    if (isAlias(node)) return startOf(node) ?? offset
    if (!isMap(node) && !isSeq(node)) return offset
  }
  return offset
}

const startOf = (node: unknown): number | undefined => (isScalar(node) || isAlias(node) || isMap(node) || isSeq(node) ? node.range?.[0] : undefined)
const keyOffset = (pair: Pair): number | undefined => startOf(pair.key)
/** Nothing written after the colon: the key is the better place. */
const valueOffset = (pair: Pair): number | undefined => (isScalar(pair.value) && pair.value.source === '' && pair.value.value === null ? undefined : startOf(pair.value))
