import { open, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { Decrypter, Encrypter } from 'age-encryption'
import { createTarDecoder, createTarPacker, type TarHeader } from 'modern-tar'
import { belongWithFolder } from '../../gateway/kit/durable-file.ts'
import { codeOf, ConfigError, DataError, randomHex } from '../../gateway/kit/index.ts'

/** One file of a backup. `size` in bytes is what `body` brings. */
export interface Member { readonly name: string; readonly mode: number; readonly size: number; readonly body: AsyncIterable<Uint8Array> }
/** Who can open it again: an age recipient (`age1…`), or who knows the words. */
export type Seal = { readonly recipients: readonly string[] } | { readonly passphrase: string }
/** `AGE-SECRET-KEY-1…`, or the words. */
export type Opener = { readonly identities: readonly string[] } | { readonly passphrase: string }

const ownMode = 0o600
/** log2 of scrypt's cost: 64 MB, which a small box has; the passphrase is long instead. */
const scryptCost = 16

/** tar, gzip, age (age-encryption.org/v1): other tools open it too. Whole or not at all, of its owner alone. Throws what the members throw, and ConfigError BACKUP_UNWRITABLE, BACKUP_RECIPIENT. */
export async function writeArchive(file: string, members: AsyncIterable<Member>, seal: Seal): Promise<number> {
  const encrypter = new Encrypter()
  try {
    if ('passphrase' in seal) { encrypter.setScryptWorkFactor(scryptCost); encrypter.setPassphrase(seal.passphrase) }
    else for (const recipient of seal.recipients) encrypter.addRecipient(recipient)
  } catch (cause) {
    throw new ConfigError('BACKUP_RECIPIENT', 'a recipient is a public key of age: age1… (age-keygen makes one)', { cause })
  }
  const temporary = `${file}.${randomHex(4)}`
  try {
    const { readable, controller } = createTarPacker()
    const sealed = await encrypter.encrypt(readable.pipeThrough(new CompressionStream('gzip') as ReadableWritablePair<Uint8Array, Uint8Array>))
    const [, bytes] = await Promise.all([pack(members, controller), pour(temporary, sealed)])
    await rename(temporary, file)
    return bytes
  } finally {
    await rm(temporary, { force: true })
  }
}

async function pack(members: AsyncIterable<Member>, controller: ReturnType<typeof createTarPacker>['controller']): Promise<void> {
  try {
    for await (const { name, mode, size, body } of members) {
      const writer = controller.add({ name, mode, size, type: 'file' }).getWriter()
      for await (const chunk of body) await writer.write(chunk)
      await writer.close()
    }
    controller.finalize()
  } catch (error) {
    controller.error(error)
    throw error
  }
}

async function pour(file: string, stream: ReadableStream<Uint8Array>): Promise<number> {
  await using handle = await open(file, 'wx', ownMode).catch((cause: unknown) => { throw new ConfigError('BACKUP_UNWRITABLE', `cannot write ${file} (${codeOf(cause)}); choose another place with --out`, { cause }) })
  let bytes = 0
  for await (const chunk of stream) {
    await handle.writeFile(chunk)
    bytes += chunk.length
  }
  await belongWithFolder(handle, file)
  await handle.sync()
  return bytes
}

const magic = 'age-encryption.org/v1\n'

/** The members in order; each body is read before the next is asked for. Throws DataError BACKUP_UNREADABLE, BACKUP_KEY. */
export async function* readArchive(file: string, opener: Opener): AsyncGenerator<Member> {
  await using handle = await open(file, 'r').catch((cause: unknown) => { throw new DataError('BACKUP_UNREADABLE', `cannot read ${file} (${codeOf(cause)})`, { cause }) })
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(magic.length), 0, magic.length, 0)
  if (buffer.toString('latin1', 0, bytesRead) !== magic) throw refused(file, undefined)
  const decrypter = new Decrypter()
  try {
    if ('passphrase' in opener) decrypter.addPassphrase(opener.passphrase)
    else for (const identity of opener.identities) decrypter.addIdentity(identity)
  } catch (cause) {
    throw new DataError('BACKUP_KEY', 'an identity is a secret key of age: AGE-SECRET-KEY-1… (age-keygen makes one)', { cause })
  }
  const sealed = Readable.toWeb(handle.createReadStream({ start: 0, autoClose: false })) as ReadableStream<Uint8Array>
  const plain = await decrypter.decrypt(sealed).catch((cause: unknown) => { throw new DataError('BACKUP_KEY', `${file} does not open with this passphrase or identity; the one it was sealed for is needed`, { cause }) })
  const entries = plain.pipeThrough(new DecompressionStream('gzip') as ReadableWritablePair<Uint8Array, Uint8Array>).pipeThrough(createTarDecoder({ strict: true }))
  try {
    for await (const { header, body } of entries) yield memberOf(file, header, body)
  } catch (cause) {
    throw cause instanceof DataError ? cause : refused(file, cause)
  }
}

function memberOf(file: string, { name, type = 'file', size, mode = ownMode }: TarHeader, body: ReadableStream<Uint8Array>): Member {
  const proper = name !== '' && !path.isAbsolute(name) && !name.split('/').includes('..') && !name.includes('\0')
  if (type !== 'file' || !proper) throw new DataError('BACKUP_UNREADABLE', `${file} holds "${name.slice(0, 80)}", which no backup of linli does; it was not made by "linli backup"`)
  return { name, mode: mode & 0o777, size, body: guarded(file, body) }
}

/** What goes wrong while a body is read is told in words, too. */
async function* guarded(file: string, body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try { yield* body } catch (cause) { throw refused(file, cause) }
}

const refused = (file: string, cause: unknown): DataError =>
  new DataError('BACKUP_UNREADABLE', `${file} is no backup of linli, or is damaged; take another copy`, { cause })
