import type { Json } from '../../gateway/contract/index.ts'
import { durationText } from './parse.ts'
import type { Frame, Known, Part } from './scope.ts'

/** One part of an expression as it is now. `value` is null, and `unknown` true, where it cannot be told. */
export interface Explained { readonly text: string; readonly offset: number; readonly value: Known | string; readonly unknown: boolean; readonly parts: readonly Explained[] }

/** The current truth of every part, the whole first. Constants are left out: their text is their value. */
export function explain(part: Part, text: string, frame: Frame): Explained {
  const value = part.run(frame)
  return {
    text: text.slice(part.start, part.end), offset: part.start, unknown: value === null,
    value: part.type === 'duration' && typeof value === 'number' ? durationText(value) : value,
    parts: part.children.filter(({ form }) => form.kind !== 'literal').map((child) => explain(child, text, frame)),
  }
}

export const explainedJson = ({ text, offset, value, unknown, parts }: Explained): Json => ({ text, offset, value, unknown, parts: parts.map(explainedJson) })
