import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { describe, DriverError } from '../../gateway/kit/index.ts'
import { LineSplitter } from './line-splitter.ts'

/**
 * Holds one output line, in a shell of its own: what it promises is kept while the gateway stalls, crashes or is killed.
 *   set VALUE SECONDS   the line takes VALUE, and 0 again after SECONDS (0: it stays)
 * Its input ends with the gateway: then the line takes its safe state and is held in it. Timers speak through the same pipe as the
 * gateway (/proc/self/fd/4), so that one loop sees all in one order, and an older pulse's timer is known by its turn.
 * SIGTERM (systemd ending the whole group) gives the safe state and lets go. It answers `WORD TURN VALUE`.
 * $1 safe state, $2 a sysfs value file or empty, then the command that holds the line, without its value.
 */
const script = `
safe=$1; file=$2; shift 2
exec 3<&0
{ trap 'echo term; exit' TERM; cat <&3 & wait $!; echo end; } | {
  trap '' TERM PIPE; exec 4<&0 5>&1
  now= holder= timer= turn=0
  while read -r word value seconds <&4; do
    case $word in
      set) turn=$((turn + 1)); want=$value; [ -z "$timer" ] || kill "$timer" 2>/dev/null; timer= ;;
      drop) [ "$value" = "$turn" ] || continue; want=0 ;;
      end | term) want=$safe ;;
      *) continue ;;
    esac
    if [ "$want" != "$now" ]; then
      if [ -n "$file" ]; then echo "$want" >"$file" || exit 1
      else
        [ -z "$holder" ] || { kill -9 "$holder"; wait "$holder"; } 2>/dev/null
        "$@"$want </dev/null >/dev/null 3<&- 4<&- 5>&- & holder=$!
      fi
      now=$want
    fi
    if [ "$word" = set ] && [ "$seconds" != 0 ]; then
      ( trap 'kill "$nap"; exit' TERM; exec 5>&-; sleep "$seconds" & nap=$!; wait "$nap"; echo "drop $turn" >/proc/self/fd/4 ) >/dev/null 2>&1 & timer=$!
    fi
    echo "$word $turn $now" >&5 2>/dev/null
    case $word in end | term) break ;; esac
  done
  [ "$word" != term ] || { sleep 0.1; [ -z "$holder" ] || kill -9 "$holder"; exit; }
  exec >/dev/null 2>&1 5>&-
  [ -z "$holder" ] || wait "$holder"
}`

export interface GuardParts {
  /** Whose line it is, for errors: `door.strike`. */
  readonly who: string
  readonly safe: boolean
  readonly hold: { readonly file: string } | { readonly command: readonly string[] }
  readonly environment: Readonly<Record<string, string>>
  /** It dropped by itself. */
  dropped(): void
  /** The guard has ended without being told: the line is held by nobody. */
  ended(error: DriverError): void
}

interface Waiting { readonly turn: number; readonly resolve: () => void; readonly reject: (error: unknown) => void }

/** The gateway's end of it. One command at a time is not needed: they are answered in order. */
export class Guard {
  readonly #parts: GuardParts
  readonly #child: ChildProcessWithoutNullStreams
  readonly #waiting: Waiting[] = []
  readonly #gone: Promise<void>
  #turn = 0
  #ending = false
  #lastWords = ''

  constructor(parts: GuardParts) {
    this.#parts = parts
    const { safe, hold, environment } = parts
    const [file, command] = 'file' in hold ? [hold.file, []] : ['', hold.command]
    // Detached: Ctrl-C on a terminal is for the gateway, which then stops in its own order.
    this.#child = spawn('/bin/sh', ['-c', script, 'linli-gpio-guard', safe ? '1' : '0', file, ...command], { env: environment, cwd: '/', detached: true, stdio: 'pipe' })
    const lines = new LineSplitter((line) => this.#hear(line))
    this.#child.stdout.on('data', (bytes: Buffer) => lines.push(bytes))
    this.#child.stderr.on('data', (bytes: Buffer) => { this.#lastWords = `${this.#lastWords}${bytes.toString('utf8')}`.slice(-400) })
    this.#child.stdin.on('error', () => {})
    this.#gone = new Promise((resolve) => {
      this.#child.once('error', (cause) => { this.#end(describe(cause)); resolve() })
      this.#child.once('exit', () => { this.#end(this.lastWords || 'it was killed'); resolve() })
    })
  }

  /** What the guard and its tool complained about, in one line; empty when all is well. */
  get lastWords(): string { return this.#lastWords.trim().replace(/\s*\n\s*/g, '; ') }

  /** Resolves when the guard has acted. `limitMs` 0: until told otherwise. Throws DriverError GPIO_GUARD. */
  set(on: boolean, limitMs: number): Promise<void> {
    if (this.#ending) return Promise.reject(this.#error('it has ended'))
    this.#lastWords = ''
    const turn = ++this.#turn
    this.#child.stdin.write(`set ${on ? 1 : 0} ${limitMs === 0 ? 0 : (limitMs / 1_000).toFixed(3)}\n`)
    return new Promise((resolve, reject) => { this.#waiting.push({ turn, resolve, reject }) })
  }

  /** The safe state; resolves when it has it. The guard stays and holds it (sysfs keeps it by itself). */
  async end(): Promise<void> {
    if (this.#ending) return
    this.#ending = true
    const safe = new Promise<void>((resolve, reject) => { this.#waiting.push({ turn: Infinity, resolve, reject }) })
    this.#child.stdin.end()
    await Promise.race([safe.catch(() => {}), this.#gone])
    // The shell lives on for the line; the gateway's event loop does not wait for it.
    this.#child.stdout.destroy()
    this.#child.stderr.destroy()
    this.#child.unref()
  }

  #hear(line: string): void {
    const [word, turn] = line.split(' ')
    // A drop that a later command has overtaken is no news.
    if (word === 'drop') { if (Number(turn) === this.#turn) this.#parts.dropped(); return }
    const upTo = word === 'set' ? Number(turn) : Infinity
    while (this.#waiting.length > 0 && this.#waiting[0]!.turn <= upTo) this.#waiting.shift()!.resolve()
  }

  #end(why: string): void {
    const error = this.#error(why)
    for (const { reject } of this.#waiting.splice(0)) reject(error)
    if (this.#ending) return
    this.#ending = true
    this.#parts.ended(error)
  }

  #error(why: string): DriverError {
    return new DriverError('GPIO_GUARD', `${this.#parts.who}: the process that holds the line has ended (${why}); it is started again, at the safe state`, { retriable: true })
  }
}
