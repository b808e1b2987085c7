import { readFile, rename } from 'node:fs/promises'
import path from 'node:path'
import { createFile } from '../../gateway/kit/durable-file.ts'
import { codeOf, DataError, describe, randomHex, StoreError, type Logger } from '../../gateway/kit/index.ts'

/** The box's own key for what only it may read: age, X25519. */
export interface Sealing {
  /** `age1…` */
  readonly recipient: string
  /** Throws DataError DESIRED_UNSEALED. */
  open(sealed: Uint8Array): Promise<Uint8Array>
}

const keyName = 'sealing.key'
interface Pair { readonly recipient: string; readonly identity: string }

/**
 * Made at the first start that needs it, readable by the gateway's user alone, in the form of age-keygen: `age -d -i sealing.key` opens what
 * was sealed for it. One that cannot be read is set aside and replaced. The library is loaded when there is something to open or a key to make.
 * Throws StoreError SEALING_KEY.
 */
export async function openSealing(folder: string, log: Logger): Promise<Sealing> {
  const file = path.join(folder, keyName)
  let pair = await readPair(file)
  if (pair === 'damaged') {
    const aside = `${file}.damaged-${randomHex(4)}`
    await rename(file, aside)
    log.error({ code: 'SEALING_KEY_DAMAGED', aside }, 'the sealing key cannot be read; it was set aside and a new one made, for which the city must seal from now on')
  }
  if (typeof pair === 'string') pair = await makePair(file)
  const { recipient, identity } = pair
  return { recipient, open: (sealed) => unseal(sealed, identity) }
}

/** For the box alone. Throws DataError DESIRED_RECIPIENT. */
export async function seal(content: Uint8Array, recipient: string): Promise<Uint8Array> {
  const { Encrypter } = await import('age-encryption')
  const encrypter = new Encrypter()
  try { encrypter.addRecipient(recipient) } catch (cause) { throw new DataError('DESIRED_RECIPIENT', 'the recipient is no public key of age (age1…); take it from what the box reports', { cause }) }
  return encrypter.encrypt(content)
}

async function unseal(sealed: Uint8Array, identity: string): Promise<Uint8Array> {
  const { Decrypter } = await import('age-encryption')
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity)
  try { return await decrypter.decrypt(sealed) } catch (cause) {
    throw new DataError('DESIRED_UNSEALED', 'it does not open with the key of this box: it was sealed for another recipient, or is damaged; seal it for the recipient that the box reports', { cause })
  }
}

/** The recipient stands in a comment, so that a start needs no arithmetic. */
async function readPair(file: string): Promise<Pair | 'missing' | 'damaged'> {
  let text: string
  try { text = await readFile(file, 'utf8') } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return 'missing'
    throw new StoreError('SEALING_KEY', `cannot read ${file} (${codeOf(cause)}); it must belong to the gateway's user`, { cause })
  }
  const [, recipient] = /^# public key: (age1[0-9a-z]{58})$/m.exec(text) ?? []
  const [, identity] = /^(AGE-SECRET-KEY-1[0-9A-Z]{58})$/m.exec(text) ?? []
  return recipient === undefined || identity === undefined ? 'damaged' : { recipient, identity }
}

async function makePair(file: string): Promise<Pair> {
  const { generateX25519Identity, identityToRecipient } = await import('age-encryption')
  const identity = await generateX25519Identity()
  const recipient = await identityToRecipient(identity)
  const made = await createFile(file, `# public key: ${recipient}\n${identity}\n`).catch((cause: unknown) => { throw new StoreError('SEALING_KEY', `cannot write ${file}: ${describe(cause)}; check the space and the folder's owner`, { cause }) })
  if (made) return { recipient, identity }
  // Of two starts at once, both use the first one's.
  const other = await readPair(file)
  if (typeof other === 'object') return other
  throw new StoreError('SEALING_KEY', `${file} appeared while it was made and cannot be read; start the gateway again`)
}
