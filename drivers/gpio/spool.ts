import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { watch, type FSWatcher } from 'node:fs'
import { lstat, mkdir, open, readdir, readFile, rm, utimes, writeFile, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Clock } from '../../gateway/contract/index.ts'
import { describe, DriverError } from '../../gateway/kit/index.ts'
import { markedEnvironment, markedProcesses } from './children.ts'
import { LineSplitter } from './line-splitter.ts'
import { parseEdge, type EdgeLine } from './tools.ts'

/**
 * gpiomon writes a counter's edges to a file and does not end with the gateway: the next gateway reads on where the last stored total
 * was, so a restart loses no pulse and doubles none. It ends when nobody has touched the lease for a quarter of an hour.
 */
const script = `
file=$1; lease=$2; shift 2
echo $$ >"$file.pid"
"$@" >>"$file" 2>&1 </dev/null & monitor=$!
{ while sleep 60; do [ -n "$(find "$lease" -mmin -15 2>/dev/null)" ] || { kill "$monitor"; exit; }; done; } </dev/null >/dev/null 2>&1 & watch=$!
wait "$monitor"
kill "$watch"`

/** Edges a file takes before the next is begun: some 12 MB. gpiomon's own -n ends it. */
const edgesPerFile = 500_000
const lookMs = 1_000
const touchMs = 60_000

export interface SpoolParts {
  /** Names the files: `connection.device.point`. */
  readonly name: string
  readonly folder: string
  readonly command: readonly string[]
  readonly major: 1 | 2
  readonly clock: Clock
  /** Where the stored total was; undefined for a count that begins. */
  readonly from: { readonly file: number; readonly offset: number } | undefined
  /** Null for a line that is no edge. */
  edge(edge: EdgeLine | null, place: { readonly file: number; readonly offset: number }): void
  ended(error: DriverError): void
}

/** The folder for all spools of this user. Throws DriverError GPIO_SPOOL when somebody else could write there. */
export async function spoolFolder(base: string | undefined): Promise<string> {
  const folder = base ?? path.join(tmpdir(), `linli-gpio-${process.getuid?.() ?? 0}`)
  try {
    await mkdir(folder, { mode: 0o700, recursive: base !== undefined }).catch((error: NodeJS.ErrnoException) => { if (error.code !== 'EEXIST') throw error })
    const seen = await lstat(folder)
    if (seen.isDirectory() && seen.uid === process.getuid?.() && (seen.mode & 0o022) === 0) return folder
  } catch (cause) {
    throw new DriverError('GPIO_SPOOL', `pulses cannot be kept in ${folder} (${describe(cause)}); set spool: to a folder the gateway may write`, { cause, retriable: true })
  }
  throw new DriverError('GPIO_SPOOL', `${folder} belongs to somebody else, or others may write there, and could count pulses of their own; remove it, or set spool: to a folder of the gateway's user`, { retriable: true })
}

export class Spool {
  readonly #parts: SpoolParts
  readonly #prefix: string
  #number: number
  #offset: number
  #file: FileHandle | null = null
  #writer = 0
  #lines: LineSplitter
  #reading: Promise<void> = Promise.resolve()
  #again = false
  #stopped = false
  #lastWords = ''
  #watcher: FSWatcher | null = null
  #cancelTick = (): void => {}
  #touchedAt = -Infinity

  constructor(parts: SpoolParts) {
    this.#parts = parts
    this.#prefix = `${parts.name}.${createHash('sha256').update(parts.command.join('\0')).digest('hex').slice(0, 8)}.`
    this.#number = parts.from?.file ?? 0
    this.#offset = parts.from?.offset ?? 0
    this.#lines = this.#splitter()
  }

  /** Reads what was written while nobody was here, and sees to it that somebody writes. */
  async open(): Promise<void> {
    const { folder, name, from } = this.#parts
    const files = (await readdir(folder)).filter((file) => file.startsWith(`${name}.`))
    // Other flags, another line, or no total to go on from: those edges mean something else.
    const mine = from ? files.flatMap((file) => (file.startsWith(this.#prefix) && /^\d+$/.test(file.slice(this.#prefix.length)) ? [Number(file.slice(this.#prefix.length))] : [])).filter((each) => each >= from.file).toSorted((a, b) => a - b) : []
    await this.#touch()
    const alive = await this.#adopt(mine)
    for (const each of mine) {
      if (each !== this.#number) { this.#number = each; this.#offset = 0 }
      await this.#use()
      await this.#read()
      if (each !== alive) await this.#file?.close()
    }
    await Promise.all(files.filter((file) => !mine.some((each) => file.startsWith(`${this.#prefix}${each}`))).map((file) => rm(path.join(folder, file), { force: true })))
    if (alive === undefined) await this.#begin()
    this.#watch()
    this.#tick()
  }

  /** The last edges are read; gpiomon goes on for whoever comes next. */
  async close(): Promise<void> {
    if (!this.#stopped && this.#file) await this.#look().catch(() => {})
    this.#stopped = true
    this.#watcher?.close()
    this.#cancelTick()
    await this.#reading
    await this.#file?.close()
    this.#file = null
    this.#touchedAt = -Infinity
    await this.#touch().catch(() => {})
  }

  get #path(): string { return path.join(this.#parts.folder, `${this.#prefix}${this.#number}`) }
  get #lease(): string { return path.join(this.#parts.folder, `${this.#parts.name.split('.')[0]}.lease`) }

  async #touch(): Promise<void> {
    const mono = this.#parts.clock.monotonic()
    if (mono - this.#touchedAt < touchMs) return
    this.#touchedAt = mono
    const now = new Date(this.#parts.clock.now())
    await utimes(this.#lease, now, now).catch(() => writeFile(this.#lease, ''))
  }

  /** The number of the file that is still being written, whose writer is now ours to watch. All other writers of this name are ended. */
  async #adopt(mine: readonly number[]): Promise<number | undefined> {
    const last = mine.at(-1)
    const theirs = (await markedProcesses()).filter(({ role }) => role.startsWith(`spool ${path.join(this.#parts.folder, this.#parts.name)}.`))
    const file = last === undefined ? '' : path.join(this.#parts.folder, `${this.#prefix}${last}`)
    const pid = last === undefined ? NaN : Number(await readFile(`${file}.pid`, 'utf8').catch(() => ''))
    const alive = theirs.some((each) => each.pid === pid && each.role === `spool ${file}`) && await isAlive(pid)
    const others = theirs.filter(({ role }) => !alive || role !== `spool ${file}`)
    for (const each of others) try { process.kill(each.pid, 'SIGKILL') } catch { /* it has just ended by itself */ }
    // The kernel frees their line when they are gone.
    for (let waited = 0; waited < 1_000 && (await Promise.all(others.map((each) => isAlive(each.pid)))).includes(true); waited += 20) await this.#parts.clock.sleep(20)
    if (alive) this.#writer = pid
    return alive ? last : undefined
  }

  /** A new file and its gpiomon. The last but one is no longer needed: what is in it was stored long ago. */
  async #begin(): Promise<void> {
    await rm(path.join(this.#parts.folder, `${this.#prefix}${this.#number - 1}`), { force: true })
    await rm(`${this.#path}.pid`, { force: true })
    this.#number++
    this.#offset = 0
    this.#lastWords = ''
    await writeFile(this.#path, '', { mode: 0o600 })
    await this.#use()
    this.#parts.edge(null, { file: this.#number, offset: 0 })
    const [program, ...args] = this.#parts.command
    const child = spawn('/bin/sh', ['-c', script, 'linli-gpio-spool', this.#path, this.#lease, program!, '-n', String(edgesPerFile), ...args], {
      env: await markedEnvironment(`spool ${this.#path}`), cwd: '/', detached: true, stdio: 'ignore',
    })
    child.on('error', (cause) => this.#parts.ended(this.#error(describe(cause))))
    child.unref()
    this.#writer = child.pid ?? 0
  }

  async #use(): Promise<void> {
    this.#lines = this.#splitter()
    this.#file = await open(this.#path, 'r')
  }

  #splitter(): LineSplitter {
    return new LineSplitter((line, bytes) => {
      this.#offset += bytes
      const edge = parseEdge(this.#parts.major, line)
      if (!edge && line) this.#lastWords = line
      this.#parts.edge(edge, { file: this.#number, offset: this.#offset })
    })
  }

  #watch(): void {
    this.#watcher?.close()
    this.#watcher = watch(this.#path, () => void this.#look())
    this.#watcher.on('error', () => {})
  }

  /** A file system that tells no changes is looked at all the same, and so is the writer. */
  #tick(): void {
    this.#cancelTick = this.#parts.clock.after(lookMs, () => void this.#look().then(() => { if (!this.#stopped) this.#tick() }))
  }

  /** One reader at a time; a call while it reads makes it read once more. */
  #look(): Promise<void> {
    if (this.#stopped) return this.#reading
    if (this.#again) return this.#reading
    this.#again = true
    this.#reading = this.#reading.then(async () => {
      this.#again = false
      if (this.#stopped) return
      const alive = await isAlive(this.#writer)
      await this.#read()
      await this.#touch()
      if (!alive) await this.#renew()
    }).catch((error: unknown) => { this.#stopped = true; this.#parts.ended(this.#error(describe(error))) })
    return this.#reading
  }

  /** gpiomon is gone: after its number of edges the next file begins, otherwise something is wrong. */
  async #renew(): Promise<void> {
    if (this.#lastWords || this.#offset === 0) { this.#stopped = true; this.#parts.ended(this.#error(this.#lastWords || 'it was killed')); return }
    await this.#file?.close()
    await this.#begin()
    this.#watch()
  }

  async #read(): Promise<void> {
    const buffer = Buffer.alloc(65_536)
    // What was read of an unfinished line is read again: `#offset` counts whole lines.
    this.#lines = this.#splitter()
    for (let at = this.#offset; this.#file;) {
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, at)
      if (bytesRead === 0) return
      at += bytesRead
      this.#lines.push(buffer.subarray(0, bytesRead))
    }
  }

  #error(why: string): DriverError {
    return new DriverError('GPIO_LOST', `${this.#parts.name}: the program that counts its pulses has ended (${why}); the connection is opened again`, { retriable: true })
  }
}

async function isAlive(pid: number): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')
  return text !== '' && !/\) [ZX] /.test(text)
}
