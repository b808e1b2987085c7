import { ConfigError } from '../../gateway/kit/index.ts'

/** Keys and list positions from the root of a file. */
export type Path = readonly (string | number)[]

/** One thing to correct. Line and column count from 1; `path` is empty for the file as a whole. */
export interface SiteProblem {
  /** The site file as the caller named it, or a device profile. */
  readonly file: string
  readonly line: number
  readonly column: number
  /** `devices[3].profile` */
  readonly path: string
  /** What is wrong and what to do, without the place. */
  readonly message: string
  /** `site.yaml:12:7 devices[3].profile: no profile "xy-md2"; did you mean "xy-md02"?` */
  readonly text: string
}

/** Everything wrong with a site file at once; nothing was started. Code CONFIG_INVALID. */
export class SiteError extends ConfigError {
  readonly problems: readonly SiteProblem[]
  constructor(problems: readonly SiteProblem[]) {
    super('CONFIG_INVALID', problems.map(({ text }) => text).join('\n'), { values: { problems: problems.length } })
    this.problems = problems
  }
}

/** `devices[3].points.temperature`; a key that is not a plain word is quoted. */
export function formatPath(path: Path): string {
  return path.map((part, index) => {
    if (typeof part === 'number') return `[${part}]`
    if (/^[\w-]+$/.test(part)) return index === 0 ? part : `.${part}`
    return `[${JSON.stringify(part.length > 60 ? `${part.slice(0, 60)}…` : part)}]`
  }).join('')
}

/** The key or the value of the last part of a path, or a place in the text that is the value, counted from 0. */
export type Place = 'key' | 'value' | number

/** Where problems point at: a parsed file. */
export interface Located {
  readonly file: string
  locate(path: Path, at: Place): { readonly line: number; readonly column: number }
  /** What the file itself calls the path, where it is of an older version. */
  spell?(path: Path): Path
}

/**
 * A message that costs something (a suggestion among thousands of names) is a function, called only when it is shown. `spell`: what the file's
 * own version calls a key that stands beside the one the path names; left out where there are no versions.
 */
export type Message = string | ((spell?: (key: string) => string) => string)
export type Report = (path: Path, message: Message, at?: Place) => void

/** More than this help nobody, and a hostile file must not make us search for a million suggestions. */
const shown = 200

/** Collects; nothing throws before the whole file is seen. */
export class Problems {
  #found: SiteProblem[] = []
  #more = 0
  get any(): boolean { return this.#found.length > 0 }

  /** Reports against one file, below `base`. */
  in(source: Located, base: Path = []): Report {
    return (path, message, at = 'value') => this.#add(source, [...base, ...path], message, at)
  }

  #add(source: Located, path: Path, message: Message, at: Place): void {
    if (this.#found.length >= shown) { this.#more++; return }
    const { line, column } = source.locate(path, at)
    const spelt = (each: Path): Path => source.spell?.(each) ?? each
    const [where, what] = [formatPath(spelt(path)), typeof message === 'string' ? message : message((key) => String(spelt([...path.slice(0, -1), key]).at(-1)))]
    const text = `${source.file}:${line}:${column} ${where ? `${where}: ` : ''}${what}`
    this.#found.push({ file: source.file, line, column, path: where, message: what, text })
  }

  /** By file (the site file first), line and column. */
  sorted(siteFile = ''): SiteProblem[] {
    const rank = (file: string) => (file === siteFile ? '' : file)
    return this.#found.toSorted((a, b) => compare(rank(a.file), rank(b.file)) || a.line - b.line || a.column - b.column)
  }

  /** Throws SiteError when there is any problem, in the order of the site file, then of the profiles. */
  throwIfAny(siteFile: string): void {
    if (!this.any) return
    const sorted = this.sorted(siteFile)
    const message = `and ${this.#more} more problems; correct the ones above first`
    if (this.#more > 0) sorted.push({ file: siteFile, line: 1, column: 1, path: '', message, text: `${siteFile}:1:1 ${message}` })
    throw new SiteError(sorted)
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
