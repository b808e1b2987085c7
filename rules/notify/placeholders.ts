import { didYouMean } from '../../gateway/kit/suggest.ts'

/** What a template of a webhook or command may name. */
export const placeholders = ['id', 'rule', 'title', 'text', 'severity', 'word', 'state', 'place', 'device', 'since', 'at', 'site', 'gateway', 'count', 'more', 'test'] as const
export type Placeholder = (typeof placeholders)[number]
export type Fields = Readonly<Record<Placeholder, string>>

/** JSON has braces too, but none with a bare word between. */
const pattern = /\{([a-zA-Z]+)\}/g

/** Replaces each placeholder once: what a value contains is text and stays. */
export const fill = (template: string, fields: Fields, escape: (value: string) => string = (value) => value): string =>
  template.replaceAll(pattern, (whole, name: string) => (Object.hasOwn(fields, name) ? escape(fields[name as Placeholder]) : whole))

/** A sentence for each placeholder that is none. */
export const unknownPlaceholders = (template: string): readonly string[] =>
  [...template.matchAll(pattern)].flatMap(([whole, name]) => ((placeholders as readonly string[]).includes(name!) ? [] : [`no placeholder ${whole}${didYouMean(name!, placeholders)}`]))
