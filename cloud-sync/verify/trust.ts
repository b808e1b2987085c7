import { createPublicKey } from 'node:crypto'
import { ConfigError } from '../../gateway/kit/index.ts'
import { checkpointId, checkpointText, isSignedBy, keyIdOf, rotationText, type CheckpointData, type CheckpointHead } from '../ledger/checkpoint.ts'
import type { DecodedRecord } from '../decode.ts'

/** `given`: by the person who verifies. `first use`: nobody has said otherwise. `handed over`: by a key that was trusted. */
export interface TrustedKey { readonly gateway: string; readonly keyid: string; readonly trust: 'given' | 'first use' | 'handed over' }
export interface Judged { readonly fault: string | null; readonly first: boolean; readonly streams: readonly (readonly [stream: string, head: CheckpointHead])[] }

interface GatewayTrust { key: string | null; trust: TrustedKey['trust']; readonly ids: Set<string>; seen: boolean }

const maxIds = 10_000
const maxGateways = 10_000

/** Whose checkpoints are believed. A key is trusted because it was given, because it came first, or by its predecessor's word. */
export class CheckpointTrust {
  readonly #given: ReadonlySet<string>
  readonly #gateways = new Map<string, GatewayTrust>()
  constructor(given: readonly string[] = []) { this.#given = new Set(given) }

  judge({ gateway, time, epoch, data }: DecodedRecord): Judged {
    const state = this.#of(gateway)
    const first = !state?.seen
    const fault = (why: string): Judged => ({ fault: why, first, streams: [] })
    if (!state) return fault('more gateways than can be followed')
    if (!isCheckpoint(data)) return fault('it is no whole checkpoint')
    const text = checkpointText({ gateway, time, ...data })
    if (checkpointId(text) !== data.id) return fault('its id is not the hash of what it signs')
    if (keyIdOf(data.key) !== data.keyid) return fault('its key id is not that of its key')
    if (!isSignedBy(data.key, text, data.signature)) return fault('its signature is wrong')
    const distrust = this.#trust(gateway, state, data)
    if (distrust) return fault(distrust)
    const follows = first || data.previous === '' || state.ids.has(data.previous)
    state.seen = true
    state.ids.add(data.id)
    if (state.ids.size > maxIds) for (const oldest of state.ids) { state.ids.delete(oldest); break }
    if (!follows) return fault('the checkpoint before it was never seen')
    const streams = Object.entries(data.streams)
    if (streams.some(([, head]) => head.epoch !== epoch)) return fault('it speaks of another epoch')
    return { fault: null, first, streams }
  }

  keys(): readonly TrustedKey[] {
    return [...this.#gateways].flatMap(([gateway, { key, trust }]) => (key === null ? [] : [{ gateway, keyid: keyIdOf(key), trust }]))
  }

  #trust(gateway: string, state: GatewayTrust, { key, keyid, rotation }: CheckpointData): string | null {
    if (state.key === key) return null
    if (this.#given.has(key)) { state.key = key; state.trust = 'given'; return null }
    if (state.key === null && this.#given.size === 0) { state.key = key; return null }
    const predecessors = state.key === null ? [...this.#given] : [state.key]
    const vouched = rotation !== undefined && predecessors.some((old) => keyIdOf(old) === rotation.from && isSignedBy(old, rotationText(gateway, key), rotation.signature))
    if (vouched) { state.key = key; state.trust = 'handed over'; return null }
    return state.key === null ? `its key ${keyid} is none of those given` : `its key ${keyid} is not the trusted ${keyIdOf(state.key)}, which has not handed over to it; ask the facility, then give the new key`
  }

  #of(gateway: string): GatewayTrust | undefined {
    let state = this.#gateways.get(gateway)
    if (!state && this.#gateways.size < maxGateways) this.#gateways.set(gateway, state = { key: null, trust: 'first use', ids: new Set(), seen: false })
    return state
  }
}

/** A public key file: PEM, or the base64 that the model publishes. Throws ConfigError VERIFY_KEY. */
export function parseKey(text: string): string {
  try {
    const key = text.includes('BEGIN') ? createPublicKey(text) : createPublicKey({ key: Buffer.from(text.trim(), 'base64'), format: 'der', type: 'spki' })
    if (key.asymmetricKeyType === 'ed25519') return key.export({ type: 'spki', format: 'der' }).toString('base64')
  } catch (cause) {
    throw new ConfigError('VERIFY_KEY', 'the key file holds no public key; PEM, or the base64 of "publicKey" in the retained model, is wanted', { cause })
  }
  throw new ConfigError('VERIFY_KEY', 'the key is not Ed25519; take "publicKey" of the retained model')
}

function isCheckpoint(data: object): data is CheckpointData {
  const { id, previous, streams, keyid, key, signature, rotation } = data as Partial<CheckpointData>
  return [id, previous, keyid, key, signature].every((text) => typeof text === 'string') && isBase64(key!) && isBase64(signature!) && typeof streams === 'object' && streams !== null && Object.values(streams).every(isHead)
    && (rotation === undefined || (typeof rotation === 'object' && rotation !== null && typeof rotation.from === 'string' && typeof rotation.signature === 'string'))
}

/** One text for one content: base64 has unused bits at its end, and Node's reader skips what it does not know. */
const isBase64 = (text: string): boolean => Buffer.from(text, 'base64').toString('base64') === text

function isHead(head: unknown): boolean {
  const { epoch, seq, hash } = (head ?? {}) as Partial<CheckpointHead>
  return typeof epoch === 'string' && Number.isSafeInteger(seq) && seq! >= 0 && typeof hash === 'string' && (seq === 0 ? hash === '' : /^[0-9a-f]{64}$/.test(hash))
}
