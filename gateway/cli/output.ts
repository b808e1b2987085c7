import { styleText } from 'node:util'
import { codeOf, describe } from '../kit/index.ts'

type Style = Parameters<typeof styleText>[0]

/** Colour only on a terminal, and not with NO_COLOR. */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return stream.isTTY && !process.env.NO_COLOR ? styleText(style, text, { validateStream: false }) : text
}

/** What goes to stdout. A closed pipe (`linli tail | head`) ends the program quietly. */
export function print(text: string): void { process.stdout.write(`${text}\n`) }

export const printJson = (value: unknown): void => print(JSON.stringify(value))

/** The one place where a command's failure becomes words and an exit code of 1. */
export function fail(error: unknown): void {
  process.exitCode = 1
  if (error instanceof Error && 'problems' in error && Array.isArray(error.problems)) {
    for (const problem of error.problems as readonly { text: string }[]) process.stderr.write(`${problem.text}\n`)
    process.stderr.write(`${paint('red', `${error.problems.length} problem${error.problems.length === 1 ? '' : 's'}; nothing was started`, process.stderr)}\n`)
    return
  }
  process.stderr.write(`${paint('red', codeOf(error), process.stderr)} ${describe(error)}\n`)
  if (process.env.LINLI_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`)
}

/** Aborts on the first SIGINT, SIGTERM or SIGHUP; a second one ends the process at once. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(130)
      stop.abort()
    })
  }
  return stop.signal
}

/** Node holds a time-out weakly, and so does the signal made of it: one that nobody listens to yet is collected before it fires, and then nothing ends. */
const held = new Set<AbortSignal>()

/** Aborts with `signal`, or after `ms` where it is given; the time that is left keeps no process alive. */
export function stopAfter(signal: AbortSignal, ms: number | undefined): AbortSignal {
  if (ms === undefined) return signal
  const timeout = AbortSignal.timeout(ms)
  held.add(timeout)
  return AbortSignal.any([signal, timeout])
}

export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => { if (signal.aborted) resolve(); else signal.addEventListener('abort', () => resolve(), { once: true }) })

/** Columns of a plain table, wide characters counted as two. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, width(cell))
  return rows.map((row) => row.map((cell, index) => cell + ' '.repeat(widths[index]! - width(cell))).join('  ').trimEnd()).join('\n')
}

/** Terminal columns of a text: CJK and full-width forms take two, colour codes none. */
export function width(text: string): number {
  let columns = 0
  // eslint-disable-next-line no-control-regex
  for (const character of text.replace(/\u001b\[[0-9;]*m/g, '')) columns += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u.test(character) ? 2 : 1
  return columns
}

/** `20s`, `5m`, `1h`, `7d`, `500ms` or plain seconds. undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text)
  if (!match) return undefined
  return Number(match[1]) * { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[(match[2] ?? 's') as 'ms' | 's' | 'm' | 'h' | 'd']
}
