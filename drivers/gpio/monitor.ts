import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import type { Clock } from '../../gateway/contract/index.ts'
import { describe, DriverError } from '../../gateway/kit/index.ts'
import { LineSplitter } from './line-splitter.ts'
import { parseEdge, type EdgeLine } from './tools.ts'

/** gpiomon does not notice that its reader is gone before the next edge, and would hold the lines until then: the shell around it does. */
const script = `
exec 3<&0
"$@" </dev/null 3<&- & monitor=$!
{ read -r _ <&3; kill "$monitor"; } >/dev/null 2>&1 & watcher=$!
wait "$monitor"; code=$?
kill "$watcher" 2>/dev/null
exit "$code"`

/** More edges a second than any contact has: an open input, or a line that oscillates. */
export const floodEdges = 5_000

/** What an ended program still said is read within this. */
const goneMs = 500

export interface MonitorParts {
  readonly command: readonly string[]
  readonly major: 1 | 2
  readonly environment: Readonly<Record<string, string>>
  readonly clock: Clock
  edge(edge: EdgeLine): void
  /** Not listened to for the rest of a second; edges in it are lost. */
  flooded(): void
  ended(error: DriverError): void
}

/** One gpiomon and its edges. */
export class Monitor {
  readonly #parts: MonitorParts
  readonly #child: ChildProcessWithoutNullStreams
  readonly #gone: Promise<void>
  #stopping = false
  #ended = false
  #lastWords = ''
  #second = 0
  #edges = 0
  #resume = (): void => {}

  constructor(parts: MonitorParts) {
    this.#parts = parts
    this.#child = spawn('/bin/sh', ['-c', script, 'linli-gpio-monitor', ...parts.command], { env: parts.environment, cwd: '/', detached: true, stdio: 'pipe' })
    const lines = new LineSplitter((line) => this.#hear(line))
    this.#child.stdout.on('data', (bytes: Buffer) => lines.push(bytes))
    this.#child.stderr.on('data', (bytes: Buffer) => { this.#lastWords = `${this.#lastWords}${bytes.toString('utf8')}`.slice(-400) })
    this.#child.stdin.on('error', () => {})
    this.#gone = new Promise((resolve) => {
      this.#child.once('error', (cause) => { this.#end(describe(cause)); resolve() })
      this.#child.once('exit', () => {
        // A shell that was killed leaves its gpiomon, which keeps the pipe open: it is not waited for, and ended when the lines are opened again.
        if (!this.#stopping) this.#child.stdout.destroy()
        this.#end(this.#lastWords.trim() || 'it was killed')
        const cancel = parts.clock.after(goneMs, () => { this.#child.stdout.destroy(); this.#child.stderr.destroy() })
        // `close`, not `exit`: after a stop what it still said is heard first.
        this.#child.once('close', () => { cancel(); resolve() })
      })
    })
  }

  get ended(): boolean { return this.#ended }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#resume()
    this.#child.stdin.end()
    await this.#gone
  }

  #hear(line: string): void {
    const edge = parseEdge(this.#parts.major, line)
    if (!edge) return
    const now = this.#parts.clock.monotonic()
    if (now - this.#second >= 1_000) { this.#second = now; this.#edges = 0 }
    if (++this.#edges > floodEdges) return this.#flood(now)
    this.#parts.edge(edge)
  }

  /** The pipe fills, gpiomon waits, and the kernel drops what does not fit: the flood costs nobody else anything. */
  #flood(now: number): void {
    if (this.#child.stdout.isPaused() || this.#stopping) return
    this.#child.stdout.pause()
    this.#parts.flooded()
    const cancel = this.#parts.clock.after(this.#second + 1_000 - now, () => this.#resume())
    this.#resume = () => { this.#resume = () => {}; cancel(); this.#child.stdout.resume() }
  }

  #end(why: string): void {
    if (this.#ended) return
    this.#ended = true
    this.#resume()
    if (!this.#stopping) this.#parts.ended(new DriverError('GPIO_LOST', `the program that listens to the lines has ended (${why}); the connection is opened again`, { retriable: true }))
  }
}
