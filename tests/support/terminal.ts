import { stripVTControlCharacters } from 'node:util'
import { vi } from 'vitest'
import { main } from './gateways.ts'
import { child } from './resources.ts'

export interface Terminal {
  /** What was printed so far, without colours and cursor moves. */
  text(): string
  /** Waits until this comes after all that was waited for before. */
  until(pattern: RegExp | string): Promise<void>
  type(keys: string): void
  /** Waits for the question, then types; Enter goes with it. */
  answer(question: RegExp | string, keys?: string): Promise<void>
  readonly exited: Promise<number | null>
}

export const keys = { escape: '\u001b', ctrlC: '\u0003', down: '\u001b[B', up: '\u001b[A', clear: '\u0015' } as const

/** The command line at a pseudo-terminal of its own, as a person has it: `socat` holds the other end. */
export function terminal(args: readonly string[], options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>>; /** What is run instead of this checkout's `linli`. */ readonly program?: readonly string[] } = {}): Terminal {
  // socat ends with its child and may leave what that printed last: so a shell outlives it by a moment.
  const quoted = [...options.program ?? [process.execPath, main], ...args].map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ')
  const command = `trap : INT; ${quoted}; ended=$?; sleep 0.3; exit $ended`.replaceAll(/[\\:,!"']/g, String.raw`\$&`)
  const started = child('socat', ['-t', '0.2', `SYSTEM:${command},pty,setsid,ctty,stderr,sane`, 'STDIO'], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, TERM: 'xterm-256color', LANG: 'C.UTF-8', LC_ALL: '', FORCE_COLOR: undefined, ...options.env }, ...(options.cwd === undefined ? {} : { cwd: options.cwd }) })
  let raw = ''
  let seen = 0
  started.stdout!.setEncoding('utf8').on('data', (chunk: string) => { raw += chunk })
  started.stderr!.setEncoding('utf8').on('data', (chunk: string) => { raw += chunk })
  const text = (): string => stripVTControlCharacters(raw).replaceAll('\r', '')
  const until = async (pattern: RegExp | string): Promise<void> => {
    await vi.waitFor(() => {
      const rest = text().slice(seen)
      const at = typeof pattern === 'string' ? rest.indexOf(pattern) : rest.search(pattern)
      if (at < 0) throw new Error(`the terminal has not shown ${String(pattern)}; it shows:\n${text().slice(-1_500)}`)
      seen += at + 1
    }, { timeout: 15_000, interval: 10 })
  }
  const type = (typed: string): void => { started.stdin!.write(typed) }
  return {
    text, until, type,
    async answer(question, typed = '') { await until(question); type(`${typed}\r`) },
    exited: new Promise((resolve) => started.once('exit', resolve)),
  }
}
