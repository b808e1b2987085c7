import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto'

/** Where one stream's chain stood. Hash '' and seq 0: nothing yet in this epoch. */
export type CheckpointHead = { readonly epoch: string; readonly seq: number; readonly hash: string }
/** The old key's word for the new one. */
export type Rotation = { readonly from: string; readonly signature: string }

/** `data` of a checkpoint event. */
export type CheckpointData = {
  /** SHA-256 (hex) of the signed bytes. */
  readonly id: string
  /** The checkpoint before; '' for the first of a store. */
  readonly previous: string
  readonly streams: { readonly [stream: string]: CheckpointHead }
  readonly keyid: string
  /** Public key: SPKI, DER, base64. */
  readonly key: string
  /** Ed25519 over {@link checkpointText} in UTF-8, base64. */
  readonly signature: string
  readonly rotation?: Rotation
}

/**
 * The signed bytes, line by line, each line ended by a line feed, so that any language can build them without agreeing on JSON:
 * ```
 * linli-checkpoint-1
 * <gateway>
 * <time of the event, RFC 3339 with milliseconds, as in the event>
 * <key id>
 * <id of the checkpoint before, or ->
 * <stream> <epoch> <seq> <hash or ->        one line a stream, sorted by the stream's name
 * ```
 */
export function checkpointText({ gateway, time, keyid, previous, streams }: { readonly gateway: string; readonly time: string } & Pick<CheckpointData, 'keyid' | 'previous' | 'streams'>): string {
  const heads = Object.entries(streams).toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([stream, { epoch, seq, hash }]) => `${stream} ${epoch} ${seq} ${hash || '-'}`)
  return ['linli-checkpoint-1', gateway, time, keyid, previous || '-', ...heads, ''].join('\n')
}

/** What the old key signs when a new one follows it. */
export const rotationText = (gateway: string, publicKey: string): string => `linli-key-1\n${gateway}\n${publicKey}\n`

export const checkpointId = (text: string): string => createHash('sha256').update(text).digest('hex')
/** The first 16 hex digits of the SHA-256 of the public key's DER. */
export const keyIdOf = (publicKey: string): string => createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('hex').slice(0, 16)

/** null for anything but an Ed25519 public key. */
export function readPublicKey(base64: string): KeyObject | null {
  try {
    const key = createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'spki' })
    return key.asymmetricKeyType === 'ed25519' ? key : null
  } catch {
    return null
  }
}

/** Never throws. */
export function isSignedBy(publicKey: string, text: string, signature: string): boolean {
  const key = readPublicKey(publicKey)
  try { return key !== null && verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64')) } catch { return false }
}
