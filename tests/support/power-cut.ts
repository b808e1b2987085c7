import { execFileSync } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { tempFolder } from './resources.ts'
import { adopt, nothingWrong, openStore, StoreCity, type Produced } from './store-city.ts'

interface Entry { readonly op: string; readonly path: string; readonly offset: number; readonly data: Buffer }
interface Write { readonly offset: number; readonly data: Buffer }
/** What the disk has of a file, and what only the system's memory has. */
interface DiskFile { synced: Buffer; size: number; pending: Write[] }

/** What becomes of writes that were not synced: all are gone; some are there and the last of those in part; all are there (only the process died). */
export const fates = ['dropped', 'torn', 'kept'] as const
export type Fate = (typeof fates)[number]

export interface Recording { readonly entries: readonly Entry[]; readonly root: string; readonly acks: string }

/** Three lives of a journal in a process of its own, everything it does to the disk written down. */
export async function record(perLife: number): Promise<Recording> {
  const home = await tempFolder()
  const library = path.join(home, 'power-cut-recorder.so')
  execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-o', library, path.join(import.meta.dirname, 'power-cut-recorder.c'), '-ldl', '-lpthread'], { stdio: ['ignore', 'ignore', 'inherit'] })
  const root = path.join(home, 'disk')
  const [log, store, acks] = [path.join(home, 'log'), path.join(root, 'journal'), path.join(root, 'acks')]
  await mkdir(root)
  execFileSync(process.execPath, [path.join(import.meta.dirname, 'power-cut-child.ts'), store, acks, String(perLife)], { env: { ...process.env, LD_PRELOAD: library, DISK_ROOT: root, DISK_LOG: log }, stdio: ['ignore', 'ignore', 'inherit'] })
  return { entries: parse(await readFile(log)), root: store, acks }
}

function parse(log: Buffer): readonly Entry[] {
  const entries: Entry[] = []
  for (let at = 0; at < log.length;) {
    const line = log.indexOf(10, at)
    const [op, nameLength, offset, length] = log.toString('latin1', at, line).split(' ') as [string, string, string, string]
    const name = line + 1
    const data = name + Number(nameLength)
    at = data + Number(length)
    entries.push({ op, path: log.toString('utf8', name, data), offset: Number(offset), data: log.subarray(data, at) })
  }
  return entries
}

/** The disk after the first `count` entries, which are applied one after another. */
export class Disk {
  readonly #recording: Recording
  readonly #files = new Map<string, DiskFile>()
  readonly #acks: Buffer[] = []
  count = 0
  constructor(recording: Recording) { this.#recording = recording }

  advance(count: number): void {
    const { entries, acks } = this.#recording
    for (; this.count < count; this.count++) {
      const entry = entries[this.count]!
      if (entry.path === acks) { if (entry.op === 'W') this.#acks.push(entry.data) } else this.#apply(entry)
    }
  }

  #apply({ op, path: name, offset, data }: Entry): void {
    const file = this.#files.get(name) ?? { synced: Buffer.alloc(0), size: 0, pending: [] }
    if (op === 'C' && (offset === 1 || !this.#files.has(name))) this.#files.set(name, { synced: Buffer.alloc(0), size: 0, pending: [] })
    else if (op === 'W') file.pending.push({ offset, data })
    else if (op === 'S') { for (const write of file.pending) put(file, write); file.pending = [] }
    else if (op === 'U') this.#files.delete(name)
    else if (op === 'R') { this.#files.delete(name); this.#files.set(data.toString(), file) }
    else if (op === 'T') { for (const write of file.pending) put(file, write); file.pending = []; file.size = offset }
  }

  /** What the power cut leaves, as a folder. */
  async leave(fate: Fate, random: () => number): Promise<string> {
    const home = await tempFolder()
    const { root } = this.#recording
    await mkdir(path.join(home, 'log'), { recursive: true })
    for (const [name, { synced, size, pending }] of this.#files) {
      if (!name.startsWith(`${root}/`)) continue
      const copy: DiskFile = { synced: Buffer.from(synced), size, pending: [] }
      const whole = fate === 'kept' ? pending.length : fate === 'dropped' ? 0 : Math.floor(random() * (pending.length + 1))
      for (const write of pending.slice(0, whole)) put(copy, write)
      const next = fate === 'torn' ? pending[whole] : undefined
      if (next) put(copy, { offset: next.offset, data: next.data.subarray(0, Math.floor(random() * next.data.length)) })
      await writeFile(path.join(home, name.slice(root.length + 1)), copy.synced.subarray(0, copy.size))
    }
    await adopt(home)
    return home
  }

  /** What had been acknowledged to devices, and what the city had. */
  told(): { readonly produced: readonly Produced[]; readonly city: StoreCity } {
    const produced: Produced[] = []
    const city = new StoreCity()
    for (const line of Buffer.concat(this.#acks).toString().split('\n')) {
      const [word, a, b, c] = line.split(' ')
      if (word === 'stored') produced.push({ n: Number(a), epoch: b!, seq: Number(c) })
      else if (word === 'received') city.accept(a!, Buffer.from(b!, 'base64'))
    }
    return { produced, city }
  }
}

function put(file: DiskFile, { offset, data }: Write): void {
  const end = offset + data.length
  if (end > file.synced.length) {
    const grown = Buffer.alloc(Math.max(end, file.synced.length * 2))
    file.synced.copy(grown)
    file.synced = grown
  }
  data.copy(file.synced, offset)
  file.size = Math.max(file.size, end)
}

/** Opens what a cut left, drains it, and says what is wrong. Twice: a store must also outlive its own recovery. */
export async function judge(disk: Disk, fate: Fate, random: () => number): Promise<object> {
  const folder = await disk.leave(fate, random)
  const { produced, city } = disk.told()
  const lost: number[] = []
  for (let life = 0; life < 2; life++) {
    await using journal = await openStore(folder)
    await city.drain(await journal.reader('city', { from: 'start' }))
    lost.push(...produced.filter(({ n }) => !city.received.has(n)).map(({ n }) => n))
  }
  // A disk that keeps its word loses nothing that was acknowledged: a gap would not do.
  return { ...city.findings(produced), lost }
}

export const sound = { ...nothingWrong, lost: [] }
