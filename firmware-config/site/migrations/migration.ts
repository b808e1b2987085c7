import type { Plain } from '../plain.ts'

/** One key of the site file that is written otherwise from the next version on. */
export interface KeyChange {
  /** From the root to the key, as the older version calls it; `*` stands for every entry of a list and every key of a mapping. */
  readonly path: readonly string[]
  /** What it is called from now on; left out where the name stays. */
  readonly to?: string
  /** What stands there from now on, undefined for what may stay. It gets whatever was written, right or wrong, and never throws. */
  value?(written: Plain): Plain | undefined
  /** For the person whose file is changed. */
  readonly why: string
}

/** From version `from` to the next one. Final once it was released: a file of that version may come at any time. */
export interface Migration {
  readonly from: number
  readonly changes: readonly KeyChange[]
}
