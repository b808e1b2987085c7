import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { readFile, rename } from 'node:fs/promises'
import path from 'node:path'
import { codeOf, describe, randomHex, StoreError, type Logger } from '../../gateway/kit/index.ts'
import { createFile, replaceFile } from '../../gateway/kit/durable-file.ts'
import { keyIdOf, rotationText, type Rotation } from './checkpoint.ts'

export interface Signer {
  readonly keyId: string
  /** SPKI, DER, base64. */
  readonly publicKey: string
  /** The word of the key before, where there was one and it could still sign. */
  readonly rotation?: Rotation
  /** Base64. */
  sign(text: string): string
}

const keyName = 'signing.key'
const rotationName = 'signing.rotation'

/**
 * The box's own key, made at the first start: Ed25519, PKCS#8, readable by the gateway's user alone. One that is deleted is replaced;
 * one that cannot be read is set aside and replaced, because a house must have its alarms. Throws StoreError SIGNING_KEY when none can be written.
 */
export async function openSigner(folder: string, log: Logger): Promise<Signer> {
  const file = path.join(folder, keyName)
  const found = await readKey(file)
  if (found === 'damaged') {
    const aside = `${file}.damaged-${randomHex(4)}`
    await rename(file, aside)
    log.error({ code: 'SIGNING_KEY_DAMAGED', aside }, 'the signing key cannot be read; it was set aside and a new one made, which the city must be told to trust')
  }
  const key = found instanceof Object ? found : await makeKey(file)
  return signerOf(key, await readRotation(folder))
}

/** A new key with the old one's word for it. A running gateway takes it at its next start. Throws StoreError SIGNING_KEY. */
export async function rotateSigningKey(folder: string, gateway: string): Promise<{ readonly from: string; readonly to: string }> {
  const file = path.join(folder, keyName)
  const old = await readKey(file)
  if (!(old instanceof Object)) throw new StoreError('SIGNING_KEY', `there is no sound key at ${file} to hand over from; start the gateway once and it makes one`)
  const before = signerOf(old, null)
  const fresh = generateKeyPairSync('ed25519').privateKey
  const after = signerOf(fresh, null)
  const rotation = { from: before.keyId, to: after.keyId, signature: before.sign(rotationText(gateway, after.publicKey)) }
  // In this order: a word for a key that never came is ignored.
  for (const [name, text] of [[rotationName, `${JSON.stringify(rotation)}\n`], [keyName, pem(fresh)]] as const) await replaceFile(path.join(folder, name), text).catch((cause: unknown) => { throw unusable(path.join(folder, name), cause) })
  return { from: before.keyId, to: after.keyId }
}

function signerOf(key: KeyObject, rotation: (Rotation & { readonly to: string }) | null): Signer {
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64')
  const keyId = keyIdOf(publicKey)
  return {
    keyId, publicKey, sign: (text) => sign(null, Buffer.from(text), key).toString('base64'),
    ...(rotation?.to === keyId ? { rotation: { from: rotation.from, signature: rotation.signature } } : {}),
  }
}

const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }) as string

async function readKey(file: string): Promise<KeyObject | 'missing' | 'damaged'> {
  let text: string
  try { text = await readFile(file, 'utf8') } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return 'missing'
    throw new StoreError('SIGNING_KEY', `cannot read ${file} (${codeOf(cause)}); it must belong to the gateway's user`, { cause })
  }
  try {
    const key = createPrivateKey(text)
    return key.asymmetricKeyType === 'ed25519' ? key : 'damaged'
  } catch { return 'damaged' }
}

async function readRotation(folder: string): Promise<(Rotation & { readonly to: string }) | null> {
  try {
    const { from, to, signature } = JSON.parse(await readFile(path.join(folder, rotationName), 'utf8')) as Record<string, unknown>
    return typeof from === 'string' && typeof to === 'string' && typeof signature === 'string' ? { from, to, signature } : null
  } catch { return null }
}

async function makeKey(file: string): Promise<KeyObject> {
  const key = generateKeyPairSync('ed25519').privateKey
  // Never over a key that is there: of two starts at once, both use the first one's.
  if (await createFile(file, pem(key)).catch((cause: unknown) => { throw unusable(file, cause) })) return key
  const other = await readKey(file)
  if (other instanceof Object) return other
  throw new StoreError('SIGNING_KEY', `${file} appeared while it was made and cannot be read; start the gateway again`)
}

const unusable = (file: string, cause: unknown): StoreError => new StoreError('SIGNING_KEY', `cannot write ${file}: ${describe(cause)}; check the space and the folder's owner`, { cause })
