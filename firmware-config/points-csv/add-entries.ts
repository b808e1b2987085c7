import { isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml'
import { DataError } from '../../gateway/kit/index.ts'
import { keyText, type PlainObject } from '../site/plain.ts'
import { at, columnOf, endOf, inline, lineEnd, newline, splice, startOf, type Splice } from '../site/text-edit.ts'

export type EntryLists = Readonly<Partial<Record<'connections' | 'devices', readonly PlainObject[]>>>

/**
 * The site file's text with new entries at the ends of its lists, one a line. Every byte that was there stays, comments too. Throws
 * DataError POINTS_SHARED for a list that is written as an alias.
 */
export function addEntries(text: string, lists: EntryLists): string {
  let out = text
  for (const [name, entries] of Object.entries(lists)) if (entries && entries.length > 0) out = splice(out, [added(out, name, entries.map(inline))])
  return out
}

function added(text: string, name: string, lines: readonly string[]): Splice {
  const document = parseDocument(text, { prettyErrors: false, uniqueKeys: false, merge: false, logLevel: 'silent' })
  const root = document.contents
  const pair = isMap(root) ? root.items.find(({ key }) => keyText(key) === name) : undefined
  const list = pair?.value
  const end = newline(text)
  if (isAlias(list)) throw new DataError('POINTS_SHARED', `${name} is shared with another part of the site file (an alias *); write the list out, then add again`)
  if (!pair) return at(text.length, `${text === '' || text.endsWith('\n') ? '' : end}${name}:${end}${lines.map((line) => `  - ${line}${end}`).join('')}`)
  if (isSeq(list) && list.items.length > 0) {
    const last = list.items.at(-1)
    if (list.flow) return at(endOf(last), lines.map((line) => `, ${line}`).join(''))
    const indent = ' '.repeat(columnOf(text, startOf(list)))
    return at(lineEnd(text, endOf(last)), lines.map((line) => `${end}${indent}- ${line}`).join(''))
  }
  const written = lines.map((line) => `${end}  - ${line}`).join('')
  // Nothing behind the key, or an empty list: the new one stands there.
  if (isSeq(list) || (isScalar(list) && list.source !== '')) return { from: text.indexOf(':', endOf(pair.key)) + 1, to: endOf(list), text: written }
  return at(lineEnd(text, endOf(pair)), written)
}
