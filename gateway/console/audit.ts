import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rename, stat } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { Clock } from '../contract/index.ts'
import { describe, type Logger } from '../kit/index.ts'
import type { AuditAnswer } from './api/index.ts'
import { inTurn } from './files.ts'

type Entry = AuditAnswer['entries'][number]
export type Action = Omit<Entry, 'seq' | 'at' | 'hash'>

const maxFileBytes = 2 << 20
const files = 5
const maxText = 200

/** Every action of a person: JSON lines, each with the hash of itself and the one before. The oldest of five files gives way. */
export class Audit {
  readonly #folder: string
  readonly #clock: Clock
  readonly #log: Logger
  readonly #turn = inTurn()
  #seq = 0
  #hash = ''
  private constructor(folder: string, clock: Clock, log: Logger) { this.#folder = folder; this.#clock = clock; this.#log = log }

  static async open(folder: string, clock: Clock, log: Logger): Promise<Audit> {
    const audit = new Audit(folder, clock, log)
    const last = (await audit.read({ limit: 1 })).entries[0]
    if (last) { audit.#seq = last.seq; audit.#hash = last.hash }
    return audit
  }

  /** On disk when it resolves. A disk that fails stops nobody from acting: it is logged. */
  async record({ by, action, target, outcome, address }: Action): Promise<void> {
    await this.#turn(async () => {
      const entry = { seq: this.#seq + 1, at: this.#clock.now(), by: cut(by), action, ...(target === undefined ? {} : { target: cut(target) }), outcome, ...(address === undefined ? {} : { address }) }
      const hash = hashOf(this.#hash, entry)
      await this.#append(`${JSON.stringify({ ...entry, hash })}\n`)
      this.#seq = entry.seq
      this.#hash = hash
    }).catch((error: unknown) => this.#log.error({ code: 'CONSOLE_AUDIT', action, by }, `an action could not be written to the audit log: ${describe(error)}`))
  }

  /** The newest first, below `before`. */
  async read({ before = Infinity, limit }: { readonly before?: number | undefined; readonly limit: number }): Promise<AuditAnswer> {
    const last: Entry[] = []
    let [previous, intact]: [Entry | null, boolean] = [null, true]
    for (let number = files - 1; number >= 0; number--) {
      for await (const line of linesOf(this.#file(number))) {
        const entry = parse(line)
        if (!entry) { intact = false; continue }
        const { hash, ...rest } = entry
        if (previous ? rest.seq !== previous.seq + 1 || hash !== hashOf(previous.hash, rest) : rest.seq === 1 && hash !== hashOf('', rest)) intact = false
        previous = entry
        if (entry.seq < before) last.push(entry)
        if (last.length > limit) last.shift()
      }
    }
    return { entries: last.toReversed(), intact }
  }

  #file(number: number): string { return path.join(this.#folder, number === 0 ? 'audit.jsonl' : `audit.${number}.jsonl`) }

  async #append(line: string): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const size = await stat(this.#file(0)).then((found) => found.size, () => 0)
    if (size > maxFileBytes) for (let number = files - 1; number > 0; number--) await rename(this.#file(number - 1), this.#file(number)).catch(() => {})
    const handle = await open(this.#file(0), 'a+', 0o600)
    try {
      const { size: end } = await handle.stat()
      // A line that a power cut tore must not take the next one with it.
      const torn = end > 0 && (await handle.read(Buffer.alloc(1), 0, 1, end - 1)).buffer[0] !== 10
      await handle.appendFile(torn ? `\n${line}` : line)
      await handle.datasync()
    } finally { await handle.close() }
  }
}

const cut = (text: string): string => text.slice(0, maxText)
const hashOf = (previous: string, entry: Omit<Entry, 'hash'>): string => createHash('sha256').update(previous).update(JSON.stringify(entry)).digest('hex')

async function* linesOf(file: string): AsyncGenerator<string> {
  if (!await stat(file).catch(() => null)) return
  for await (const line of createInterface({ input: createReadStream(file) })) if (line !== '') yield line
}

function parse(line: string): Entry | null {
  try {
    const entry = JSON.parse(line) as Entry
    return typeof entry.seq === 'number' && typeof entry.hash === 'string' ? entry : null
  } catch { return null }
}
