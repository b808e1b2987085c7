import { createHmac, randomBytes } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { codeOf, StoreError } from '../kit/index.ts'
import { createFile, makeFolder, replaceFile } from '../kit/durable-file.ts'
import type { Target } from './targets.ts'

const keyBytes = 32
const codeLength = 12
/** Crockford's: no letter is taken for a digit. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
export const codePattern = new RegExp(`^[${alphabet}]{${codeLength}}$`)

/**
 * The printed codes: 60 bits of an HMAC over what a code is for and its generation, so that none is stored and none can be guessed from
 * another. A key of their own: that of card numbers is changed and forgotten, printed paper is not. Revoking is the next generation.
 */
export class ResidentCodes {
  readonly #folder: string
  readonly #key: Buffer
  #generations: ReadonlyMap<string, number> = new Map()
  /** Which file that was. */
  #seen = ''
  #byCode: ReadonlyMap<string, Target> = new Map()
  readonly #targets: readonly Target[]

  private constructor(folder: string, key: Buffer, targets: readonly Target[]) { this.#folder = folder; this.#key = key; this.#targets = targets }

  /** Makes the key where there is none. Throws StoreError RESIDENTS_FILE. */
  static async open(folder: string, targets: readonly Target[]): Promise<ResidentCodes> {
    const file = path.join(folder, 'codes.key')
    await makeFolder(folder).catch((cause: unknown) => { throw unusable(folder, cause) })
    const key = await readOptional(file) ?? await createFile(file, randomBytes(keyBytes)).then(() => readOptional(file), (cause: unknown) => { throw unusable(file, cause) })
    if (key?.length !== keyBytes) throw damaged(file)
    const codes = new ResidentCodes(folder, key, targets)
    await codes.refresh()
    return codes
  }

  /** Looks whether codes were revoked meanwhile, also by the command line. Throws StoreError RESIDENTS_FILE. */
  async refresh(): Promise<void> {
    const found = await stat(this.#file).catch((cause: unknown) => { if (codeOf(cause) === 'ENOENT') return null; throw unusable(this.#file, cause) })
    const seen = found ? `${found.ino} ${found.mtimeMs} ${found.size}` : '-'
    if (seen === this.#seen) return
    this.#generations = found ? parse(this.#file, await readOptional(this.#file)) : new Map()
    this.#byCode = new Map(this.#targets.map((target) => [this.of(target), target]))
    this.#seen = seen
  }

  of({ key }: Target): string {
    const mac = createHmac('sha256', this.#key).update(`linli residents 1\n${key}\n${this.generation(key)}`).digest()
    return Array.from({ length: codeLength }, (_, index) => alphabet[(mac.readUInt16BE(Math.floor(index * 5 / 8)) >> (11 - index * 5 % 8)) & 31]).join('')
  }
  generation(key: string): number { return this.#generations.get(key) ?? 1 }
  /** Undefined for one that was revoked, or never was. */
  find(code: string): Target | undefined { return this.#byCode.get(code) }

  /** What was printed before leads nowhere from now on. Throws StoreError RESIDENTS_FILE. */
  async revoke({ key }: Target): Promise<number> {
    await this.refresh()
    const next = this.generation(key) + 1
    const all = Object.fromEntries([...this.#generations, [key, next] as const])
    await replaceFile(this.#file, `${JSON.stringify(all)}\n`).catch((cause: unknown) => { throw unusable(this.#file, cause) })
    await this.refresh()
    return next
  }

  get #file(): string { return path.join(this.#folder, 'generations.json') }
}

function parse(file: string, bytes: Buffer | null): ReadonlyMap<string, number> {
  if (!bytes) return new Map()
  let found: unknown
  try { found = JSON.parse(bytes.toString()) } catch { throw damaged(file) }
  if (typeof found !== 'object' || found === null || Array.isArray(found)) throw damaged(file)
  return new Map(Object.entries(found).map(([key, generation]: [string, unknown]) => { if (!Number.isSafeInteger(generation)) throw damaged(file); return [key, generation as number] }))
}

const readOptional = (file: string): Promise<Buffer | null> => readFile(file).catch((cause: unknown) => { if (codeOf(cause) === 'ENOENT') return null; throw unusable(file, cause) })
const unusable = (file: string, cause: unknown): StoreError => new StoreError('RESIDENTS_FILE', `cannot use ${file} (${codeOf(cause)}); check its space and owner`, { cause })
/** Not replaced by itself: revoked codes would be good again, or all paper worthless. */
const damaged = (file: string): StoreError => new StoreError('RESIDENTS_FILE', `${file} is damaged; put it back from a backup, or move it away and print all codes anew`)
