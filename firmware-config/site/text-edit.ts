import { Document, isMap, isPair, isScalar, isSeq, Scalar, visit, type Node } from 'yaml'
import type { Plain } from './plain.ts'

/** A piece of the text to be replaced; `from` = `to` inserts. */
export interface Splice { readonly from: number; readonly to: number; readonly text: string }

/** No two of them overlap; every other byte stays. */
export function splice(text: string, splices: readonly Splice[]): string {
  let out = ''
  let done = 0
  for (const { from, to, text: piece } of inOrder(splices)) {
    out += text.slice(done, from) + piece
    done = to
  }
  return out + text.slice(done)
}

/** Where a place of the spliced text stood before. Within a piece that was put in: where what it replaced began. */
export function placeBefore(splices: readonly Splice[], offset: number): number {
  let shift = 0
  for (const { from, to, text } of inOrder(splices)) {
    if (offset < from + shift) break
    if (offset < from + shift + text.length) return from
    shift += text.length - (to - from)
  }
  return offset - shift
}

const inOrder = (splices: readonly Splice[]): readonly Splice[] => splices.toSorted((a, b) => a.from - b.from || a.to - b.to)

export const at = (place: number, text: string): Splice => ({ from: place, to: place, text })
export const newline = (text: string): string => (text.includes('\r\n') ? '\r\n' : '\n')
export const lineStart = (text: string, offset: number): number => text.lastIndexOf('\n', offset - 1) + 1
/** A block scalar's own end is already on the next line. */
export const onItsLine = (text: string, offset: number): number => (text[offset - 1] === '\n' ? offset - newline(text).length : offset)
export function lineEnd(text: string, offset: number): number {
  const pattern = /[\r\n]|$/g
  pattern.lastIndex = onItsLine(text, offset)
  return pattern.exec(text)!.index
}
export const columnOf = (text: string, offset: number): number => offset - lineStart(text, offset)

/** `key: value` that may stand in a flow mapping as well as in a block. */
export function flow(key: string, value: Plain): string {
  const document = new Document({ [key]: value }, { aliasDuplicateObjects: false })
  // A text with line breaks stays on one line, with \n in it.
  visit(document, { Collection: (_, node) => { node.flow = true }, Scalar: (_, node) => { if (typeof node.value === 'string' && /[\r\n]/.test(node.value)) node.type = Scalar.QUOTE_DOUBLE } })
  return document.toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Infinity }).trim().slice(2, -2)
}

/** A value alone, on one line. */
export const inline = (value: Plain): string => flow('entry', value).slice('entry: '.length)

export const startOf = (node: unknown): number => {
  const { range } = node as Node
  return range![0]
}

/** Where its text ends: a block collection's own range reaches over the comments and lines behind it. */
export function endOf(node: unknown): number {
  if (isPair(node)) return node.value && !(isScalar(node.value) && node.value.source === '' && node.value.value === null) ? endOf(node.value) : endOf(node.key)
  if ((isMap(node) || isSeq(node)) && !node.flow && node.items.length > 0) return endOf(node.items.at(-1))
  return (node as Node).range![1]
}
