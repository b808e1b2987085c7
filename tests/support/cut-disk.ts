import { mkdir, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Random } from '../../gateway/contract/index.ts'

/** One record of disk-recorder.c. */
export interface Operation {
  readonly kind: 'create' | 'truncate' | 'write' | 'sync' | 'rename' | 'unlink' | 'dirsync' | 'mkdir'
  readonly path: string
  readonly to?: string
  readonly inode: string
  readonly offset: number
  readonly data: Buffer
}
const kinds = ['create', 'truncate', 'write', 'sync', 'rename', 'unlink', 'dirsync', 'mkdir'] as const

export function parseRecording(log: Buffer): readonly Operation[] {
  const operations: Operation[] = []
  for (let at = 0; at < log.length;) {
    const names = log.readUInt16LE(at + 2)
    const length = log.readUInt32LE(at + 4)
    const [file = '', to] = log.toString('utf8', at + 24, at + 24 + names).split('\0')
    operations.push({
      kind: kinds[log[at]! - 1]!, path: file, ...(to === undefined ? {} : { to }), inode: String(log.readBigUInt64LE(at + 8)), offset: Number(log.readBigInt64LE(at + 16)),
      data: log.subarray(at + 24 + names, at + 24 + names + length),
    })
    at += 24 + names + length
  }
  return operations
}

type Edit = { readonly offset: number; readonly data: Buffer } | { readonly length: number }
interface File { readonly inode: string; durable: Buffer; edits: Edit[] }
type NameChange = { readonly folder: string } & ({ readonly kind: 'create' | 'unlink'; readonly name: string; readonly file: File } | { readonly kind: 'rename'; readonly name: string; readonly to: string; readonly file: File })

/**
 * `journalled` (ext4, XFS): any sync brings along all changes of names before it. `logged` (F2FS, btrfs): a file that was synced has the
 * name under which it was made, a synced folder has its names, and all else waits for the next checkpoint. Both change the names of one
 * folder in the order in which they were changed. A file system that does not is not survived: leveldb 1.20 deletes what an older
 * CURRENT needs without a sync of the folder in between (Pillai et al., OSDI 2014), and nothing above it can mend that.
 */
export type FileSystem = 'journalled' | 'logged'
export const fileSystems: readonly FileSystem[] = ['journalled', 'logged']

/**
 * A disk at the moment its power went, after some of a recording. In both models what was synced is there. Of a file's later writes there
 * may be none, all, the first few with the last of them torn, or any of them with zeros in between, for pages go out in no order. A write that
 * was never synced is torn at any byte; sectors that were synced before are not touched again by it.
 */
export class CutDisk {
  readonly #system: FileSystem
  #durable = new Map<string, File>()
  readonly #now = new Map<string, File>()
  readonly #files = new Map<string, File>()
  readonly #folders: string[] = []
  #changes: NameChange[] = []

  constructor(system: FileSystem) { this.#system = system }

  apply(operation: Operation): void {
    const { kind, path: name, to, inode, offset, data } = operation
    if (kind === 'mkdir') this.#folders.push(name)
    else if (kind === 'create') {
      // An inode is used again after its file is gone.
      const file: File = { inode, durable: Buffer.alloc(0), edits: [] }
      this.#files.set(inode, file)
      this.#now.set(name, file)
      this.#change({ kind, folder: path.dirname(name), name, file })
    } else if (kind === 'write') this.#file(inode).edits.push({ offset, data })
    else if (kind === 'truncate') this.#file(inode).edits.push({ length: offset })
    else if (kind === 'rename') {
      const file = this.#now.get(name)!
      this.#now.delete(name)
      this.#now.set(to!, file)
      this.#change({ kind, folder: path.dirname(name), name, to: to!, file })
    } else if (kind === 'unlink') {
      this.#change({ kind, folder: path.dirname(name), name, file: this.#now.get(name)! })
      this.#now.delete(name)
    } else if (kind === 'sync') {
      const file = this.#file(inode)
      file.durable = contentAfter(file.durable, file.edits)
      file.edits = []
      this.#commit((change) => change.kind === 'create' && change.file === file)
    } else this.#commit((change) => change.folder === (name === '' ? '.' : name))
  }

  /** As the next start finds it, in `folder`, which must be empty. */
  async write(folder: string, random: Random): Promise<void> {
    for (const name of this.#folders) await mkdir(path.join(folder, name), { recursive: true })
    for (const [name, file] of this.#names(random)) {
      const target = path.join(folder, name)
      const content = contentAfter(file.durable, survivors(file, random))
      await writeFile(target, content, { mode: 0o600 })
      // The epoch's file names its own inode (gateway/store/epoch.ts); on the same disk it is still the same.
      const [text, identity = ''] = path.basename(name).startsWith('epoch') ? content.toString().split('\n') : []
      const { ino, birthtimeNs } = await stat(target, { bigint: true })
      if (identity.startsWith(`${file.inode}-`)) await writeFile(target, `${text}\n${ino}-${birthtimeNs}\n`)
    }
  }

  /** Content of a file as the process saw it. */
  read(name: string): Buffer {
    const file = this.#now.get(name)
    return file ? contentAfter(file.durable, file.edits) : Buffer.alloc(0)
  }

  #file(inode: string): File { return this.#files.get(inode)! }
  #change(change: NameChange): void { this.#changes.push(change) }
  #commit(covered: (change: NameChange) => boolean): void {
    const [done, left] = this.#system === 'journalled' ? [this.#changes, []] : [this.#changes.filter(covered), this.#changes.filter((change) => !covered(change))]
    for (const change of done) rename(this.#durable, change)
    this.#changes = left
  }
  #names(random: Random): Map<string, File> {
    const names = new Map(this.#durable)
    const folders = this.#system === 'journalled' ? [this.#changes] : Object.values(Object.groupBy(this.#changes, ({ folder }) => folder)).map((changes) => changes ?? [])
    for (const changes of folders) for (const change of changes.slice(0, Math.floor(random() * (changes.length + 1)))) rename(names, change)
    return names
  }
}

function rename(names: Map<string, File>, change: NameChange): void {
  if (change.kind === 'create') { names.set(change.name, change.file); return }
  if (names.get(change.name) === change.file) names.delete(change.name)
  if (change.kind === 'rename') names.set(change.to, change.file)
}

function contentAfter(before: Buffer, edits: readonly Edit[]): Buffer {
  if (edits.length === 0) return before
  const size = edits.reduce((length, edit) => ('data' in edit ? Math.max(length, edit.offset + edit.data.length) : edit.length), before.length)
  const most = edits.reduce((length, edit) => ('data' in edit ? Math.max(length, edit.offset + edit.data.length) : Math.max(length, edit.length)), before.length)
  const out = Buffer.alloc(most)
  before.copy(out)
  for (const edit of edits) { if ('data' in edit) edit.data.copy(out, edit.offset); else out.fill(0, edit.length) }
  return out.subarray(0, size)
}

function survivors({ edits }: File, random: Random): readonly Edit[] {
  const way = random()
  if (edits.length === 0 || way < 0.25) return []
  if (way < 0.5) return edits
  if (way < 0.75) return torn(edits.slice(0, 1 + Math.floor(random() * edits.length)), random)
  return torn(edits.filter(() => random() < 0.5), random)
}

/** The last one in part, with or without the length it would have had. */
function torn(edits: readonly Edit[], random: Random): readonly Edit[] {
  const last = edits.at(-1)
  if (!last || !('data' in last)) return edits
  const kept = last.data.subarray(0, Math.floor(random() * last.data.length))
  const data = random() < 0.5 ? kept : Buffer.concat([kept, Buffer.alloc(last.data.length - kept.length)])
  return [...edits.slice(0, -1), { offset: last.offset, data }]
}
