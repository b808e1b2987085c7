import type { Stream } from '../../gateway/contract/index.ts'
import { decodeRecord, type DecodedRecord } from '../decode.ts'
import { EpochRuns, type Found } from './runs.ts'
import { parseUp } from '../topics.ts'
import { HashMemory } from './memory.ts'
import { CheckpointTrust, type TrustedKey } from './trust.ts'

export interface Hole { readonly gateway: string; readonly stream: Stream; readonly epoch: string; readonly from: number; readonly to: number }
export interface Finding { readonly gateway: string; readonly stream: Stream; readonly epoch: string; readonly seq: number; readonly why: string }
/** How far a stream has come, and how far a signed checkpoint vouches for it. */
export interface StreamProof { readonly gateway: string; readonly stream: Stream; readonly epoch: string; readonly seq: number; readonly proven: number }

export interface VerifyReport {
  /** All that could be wrong is not. */
  readonly ok: boolean
  readonly messages: number
  /** Of records seen for the first time. */
  readonly readings: number
  readonly duplicates: number
  /** Seen for the first time after a later one: consumers order on epoch and seq. */
  readonly late: number
  /** Not a record of this format, or on a topic it does not belong to. */
  readonly invalid: number
  /** Records declared as lost or refused by the gateway itself. */
  readonly gaps: number
  /** Signed, and believed. */
  readonly checkpoints: number
  /** Of those, what they say of a stream and could not be held against it any more. */
  readonly unchecked: number
  /** Missing and not declared. */
  readonly holes: readonly Hole[]
  /** A checkpoint vouches for them and they were not seen: still on their way where one listens, wrong in a complete capture. */
  readonly awaited: readonly Hole[]
  readonly chainBreaks: readonly Finding[]
  readonly checkpointFaults: readonly Finding[]
  readonly keys: readonly TrustedKey[]
  /** Of the newest epoch. */
  readonly streams: readonly StreamProof[]
  /** `gateway/stream` that this uplink does not take, as the gateway's status says, which nobody signs: compare it with what was agreed. */
  readonly leftOut: readonly string[]
}

export interface Verifier {
  /** Returns the record when it is sound and new, otherwise null. Never throws. */
  accept(topic: string, bytes: Uint8Array): DecodedRecord | null
  /** First pass over a capture: what will be asked for later is not forgotten. */
  foresee(topic: string, bytes: Uint8Array): void
  report(): VerifyReport
}

export interface VerifierOptions {
  readonly prefix?: string
  /** A stream that begins above 1 is a hole. */
  readonly fromStart?: boolean
  /** Nothing comes after this: what is awaited is missing, and each epoch but the last was closed. */
  readonly complete?: boolean
  /** Public keys (SPKI, base64) whose checkpoints are believed; none: each gateway's first. */
  readonly keys?: readonly string[]
  /** Over which uplink this is received, where the gateway's status does not say so. */
  readonly uplink?: string | undefined
}

const maxFindings = 1_000
const maxTracked = 50_000

/** Checks what a city receives: schema, sequence, hash chain, declared gaps, epochs and signed checkpoints. */
export function createVerifier(options: VerifierOptions = {}): Verifier { return new StreamVerifier(options) }

interface Gateway { readonly runs: Map<string, EpochRuns>; readonly closed: Set<string>; readonly uplinks: Set<string>; taken: ReadonlySet<string> | null }

class StreamVerifier implements Verifier {
  readonly #options: VerifierOptions
  readonly #prefix: string
  readonly #memory = new HashMemory()
  readonly #trust: CheckpointTrust
  readonly #gateways = new Map<string, Gateway>()
  readonly #counts = { messages: 0, readings: 0, duplicates: 0, late: 0, invalid: 0, gaps: 0, checkpoints: 0 }
  readonly #faults: Finding[] = []
  #tracked = 0

  constructor(options: VerifierOptions) {
    this.#options = options
    this.#prefix = options.prefix ?? 'linli/v1'
    this.#trust = new CheckpointTrust(options.keys)
  }

  accept(topic: string, bytes: Uint8Array): DecodedRecord | null {
    const other = asideOf(topic, this.#prefix)
    if (other) { if (other.kind === 'status') this.#status(other.gateway, bytes); return null }
    this.#counts.messages++
    const record = this.#record(topic, bytes)
    const runs = record && this.#runs(record.gateway, record.stream, record.epoch)
    if (!runs) { this.#counts.invalid++; return null }
    const news = runs.add(record)
    if (news === 'repeat') { this.#counts.duplicates++; return null }
    if (news === 'late') this.#counts.late++
    this.#counts.readings += record.readings.length
    if (record.stream === 'ledger') this.#ledger(record)
    return record
  }

  foresee(topic: string, bytes: Uint8Array): void {
    if (!topic.endsWith('/up/ledger')) return
    const record = this.#record(topic, bytes)
    if (record?.type !== 'org.linli.checkpoint.v1' || typeof record.data.streams !== 'object') return
    for (const [stream, head] of Object.entries(record.data.streams ?? {})) {
      const { epoch, seq } = (head ?? {}) as { readonly epoch?: unknown; readonly seq?: unknown }
      if (typeof epoch === 'string' && typeof seq === 'number') this.#memory.pin(`${nameOf(record.gateway, epoch, stream)}/${seq}`)
    }
  }

  report(): VerifyReport {
    const holes: Hole[] = []
    const awaited: Hole[] = []
    const chainBreaks: Finding[] = []
    const streams: StreamProof[] = []
    const leftOut = new Set<string>()
    let unchecked = 0
    for (const [gateway, state] of this.#gateways) {
      const epochs = [...new Set([...state.runs.keys()].map((key) => key.slice(0, epochChars)))].toSorted()
      for (const [key, runs] of state.runs) {
        const epoch = key.slice(0, epochChars)
        const stream = key.slice(epochChars + 1)
        const found = this.#check(runs, state, epoch === epochs[0])
        if (found.seq === 0 && state.taken && !state.taken.has(stream)) { leftOut.add(`${gateway}/${stream}`); continue }
        const place = { gateway, stream, epoch }
        holes.push(...found.holes.map((range) => ({ ...place, ...range })))
        awaited.push(...found.awaited.map((range) => ({ ...place, ...range })))
        chainBreaks.push(...found.breaks.map((item) => ({ ...place, ...item })))
        unchecked += found.unchecked
        if (epoch === epochs.at(-1) && found.seq > 0) streams.push({ ...place, seq: found.seq, proven: found.proven })
      }
      if (this.#options.complete) chainBreaks.push(...epochs.slice(0, -1).filter((epoch) => !state.closed.has(epoch)).map((epoch) => ({ gateway, stream: 'ledger', epoch, seq: 0, why: 'no later epoch declares how this one ended' })))
    }
    const ok = holes.length + chainBreaks.length + this.#faults.length + this.#counts.invalid === 0 && !(this.#options.complete && awaited.length > 0)
    const some = <T>(items: readonly T[]): readonly T[] => items.slice(0, maxFindings)
    return {
      ok, ...this.#counts, unchecked, holes: some(holes), awaited: some(awaited), chainBreaks: some(chainBreaks), checkpointFaults: some(this.#faults),
      keys: some(this.#trust.keys()), streams: some(streams), leftOut: some([...leftOut]),
    }
  }

  #check(runs: EpochRuns, { uplinks }: Gateway, first: boolean): Found {
    const { uplink, fromStart } = this.#options
    const known = uplink === undefined ? [...uplinks] : [uplink]
    return runs.check({ joined: !fromStart && first, uplinks: known.length > 0 ? known : null })
  }

  /** Gaps, epoch ends, checkpoints: what the gateway says about itself. */
  #ledger(record: DecodedRecord): void {
    const { gateway, type, data, epoch, seq } = record
    if (type === 'org.linli.gap.v1') {
      if (!isGap(data)) this.#fault(record, 'it is no whole gap')
      else if (this.#runs(gateway, data.stream, data.epoch)?.declare(data)) this.#counts.gaps++
    } else if (type === 'org.linli.epoch.v1') {
      if (typeof data.closes !== 'string' || data.closes >= epoch) return this.#fault(record, 'it closes no earlier epoch')
      this.#gateway(gateway)?.closed.add(data.closes)
      for (const [stream, end] of Object.entries(data.streams ?? {})) {
        if (isEnd(end)) this.#runs(gateway, stream, data.closes)?.close(end, { atLeast: data.atLeast === true })
        else this.#fault(record, `it does not say how ${stream} ended`)
      }
    } else if (type === 'org.linli.checkpoint.v1') {
      const judged = this.#trust.judge(record)
      if (judged.fault) return this.#fault({ gateway, epoch, seq }, judged.fault)
      this.#counts.checkpoints++
      for (const [stream, head] of judged.streams) this.#runs(gateway, stream, head.epoch)?.assert(head, judged.first)
    } else this.#fault(record, `a ledger entry of a kind this verifier does not know (${type})`)
  }

  #record(topic: string, bytes: Uint8Array): DecodedRecord | null {
    const up = parseUp(topic, this.#prefix)
    if (!up) return null
    const record = decodeOrNull(bytes)
    return record && record.gateway === up.gateway && record.stream === up.stream && record.source === `/linli/${up.region}/${up.gateway}` ? record : null
  }

  #status(gateway: string, bytes: Uint8Array): void {
    const state = this.#gateway(gateway)
    const status = parseObject(bytes)
    if (!state || !status) return
    if (typeof status.uplink === 'string' && state.uplinks.size < 100) state.uplinks.add(status.uplink)
    if (Array.isArray(status.streams)) state.taken = new Set([...status.streams.filter((stream) => typeof stream === 'string'), ...state.taken ?? []])
  }

  #gateway(name: string): Gateway | null {
    const known = this.#gateways.get(name)
    if (known) return known
    if (this.#tracked >= maxTracked) return null
    this.#tracked++
    const made: Gateway = { runs: new Map(), closed: new Set(), uplinks: new Set(), taken: null }
    this.#gateways.set(name, made)
    return made
  }

  /** null when more is asked for than can be followed: then the record counts as invalid. */
  #runs(gateway: string, stream: Stream, epoch: string): EpochRuns | null {
    const state = this.#gateway(gateway)
    const key = `${epoch}/${stream}`
    const known = state?.runs.get(key)
    if (known || !state || epoch.length !== epochChars || this.#tracked >= maxTracked) return known ?? null
    this.#tracked++
    const made = new EpochRuns(this.#memory, nameOf(gateway, epoch, stream))
    state.runs.set(key, made)
    return made
  }

  #fault({ gateway, epoch, seq }: Pick<DecodedRecord, 'gateway' | 'epoch' | 'seq'>, why: string): void {
    if (this.#faults.length < maxFindings) this.#faults.push({ gateway, stream: 'ledger', epoch, seq, why })
  }
}

/** `00000001-a1b2c3d4` */
const epochChars = 17
const nameOf = (gateway: string, epoch: string, stream: Stream): string => `${gateway}/${epoch}/${stream}`

/** Topics of a gateway that carry no records. */
function asideOf(topic: string, prefix: string): { readonly gateway: string; readonly kind: string } | null {
  if (!topic.startsWith(`${prefix}/`)) return null
  const [, gateway, kind] = topic.slice(prefix.length + 1).split('/')
  return gateway && kind && ['status', 'model', 'snapshot', 'cmd', 'ack'].includes(kind) ? { gateway, kind } : null
}

function parseObject(bytes: Uint8Array): { readonly [key: string]: unknown } | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    return typeof value === 'object' && value !== null ? value as { readonly [key: string]: unknown } : null
  } catch { return null }
}

function decodeOrNull(bytes: Uint8Array): DecodedRecord | null {
  try { return decodeRecord(bytes) } catch { return null }
}

type GapData = { readonly stream: Stream; readonly epoch: string; readonly from: number; readonly to: number; readonly hashBefore: string; readonly hashAfter: string; readonly uplinks?: readonly string[] }
function isGap(data: object): data is GapData {
  const { stream, epoch, from, to, hashBefore, hashAfter, uplinks } = data as Partial<GapData>
  return typeof stream === 'string' && typeof epoch === 'string' && Number.isSafeInteger(from) && Number.isSafeInteger(to) && from! >= 1 && from! <= to! && typeof hashBefore === 'string' && typeof hashAfter === 'string'
    && (uplinks === undefined || (Array.isArray(uplinks) && uplinks.every((id) => typeof id === 'string')))
}

function isEnd(end: unknown): end is { readonly seq: number; readonly hash: string } {
  const { seq, hash } = (end ?? {}) as { readonly seq?: unknown; readonly hash?: unknown }
  return Number.isSafeInteger(seq) && (seq as number) >= 0 && typeof hash === 'string'
}
