import type { Stream } from '../gateway/contract/index.ts'
import { decodeRecord, type DecodedRecord } from './decode.ts'
import { EpochRuns } from './runs.ts'
import { parseUp } from './topics.ts'

export interface Hole { readonly gateway: string; readonly stream: Stream; readonly epoch: string; readonly from: number; readonly to: number }
export interface ChainBreak { readonly gateway: string; readonly stream: Stream; readonly epoch: string; readonly seq: number; readonly why: string }
export interface VerifyReport {
  readonly messages: number
  /** Of records seen for the first time. */
  readonly readings: number
  readonly duplicates: number
  /** Not a record of this format, or on a topic it does not belong to. */
  readonly invalid: number
  /** Records declared as lost or refused by the gateway itself. */
  readonly gaps: number
  /** Missing and not declared. */
  readonly holes: readonly Hole[]
  readonly chainBreaks: readonly ChainBreak[]
}

export interface Verifier {
  /** Returns the record when it is sound and new, otherwise null. Never throws. */
  accept(topic: string, bytes: Uint8Array): DecodedRecord | null
  report(): VerifyReport
}

const maxFindings = 1_000

/** Checks what a city receives: schema, sequence, hash chain, declared gaps. `fromStart`: a stream that begins above 1 is a hole. */
export function createVerifier({ prefix = 'linli/v1', fromStart = false }: { readonly prefix?: string; readonly fromStart?: boolean } = {}): Verifier {
  const gateways = new Map<string, Map<string, EpochRuns>>()
  const counts = { messages: 0, readings: 0, duplicates: 0, invalid: 0, gaps: 0 }

  const runsOf = (gateway: string, stream: Stream, epoch: string): EpochRuns => {
    let epochs = gateways.get(gateway)
    if (!epochs) gateways.set(gateway, epochs = new Map())
    const key = `${epoch}/${stream}`
    let runs = epochs.get(key)
    if (!runs) epochs.set(key, runs = new EpochRuns())
    return runs
  }

  /** Gaps and epoch ends: what the gateway says about itself. */
  const note = ({ gateway, stream, type, data }: DecodedRecord): void => {
    if (stream !== 'ledger') return
    if (type === 'org.linli.gap.v1' && isGap(data)) {
      if (runsOf(gateway, data.stream, data.epoch).declare(data)) counts.gaps++
    } else if (type === 'org.linli.epoch.v1' && typeof data.closes === 'string') {
      for (const [name, end] of Object.entries((data.streams ?? {}) as Record<string, { seq: number; hash: string }>)) runsOf(gateway, name as Stream, data.closes).close(end)
    }
  }

  return {
    accept(topic, bytes) {
      counts.messages++
      const up = parseUp(topic, prefix)
      const record = up && decodeOrNull(bytes)
      if (!record || record.gateway !== up.gateway || record.stream !== up.stream) { counts.invalid++; return null }
      if (!runsOf(record.gateway, record.stream, record.epoch).add(record)) { counts.duplicates++; return null }
      counts.readings += record.readings.length
      note(record)
      return record
    },
    report() {
      const holes: Hole[] = []
      const chainBreaks: ChainBreak[] = []
      for (const [gateway, epochs] of gateways) {
        const first = [...epochs.keys()].toSorted()[0]?.slice(0, 17)
        for (const [key, runs] of epochs) {
          const [epoch, stream] = key.split('/') as [string, Stream]
          const found = runs.check({ joined: !fromStart && epoch === first })
          holes.push(...found.holes.map((hole) => ({ gateway, stream, epoch, ...hole })))
          chainBreaks.push(...found.breaks.map((item) => ({ gateway, stream, epoch, ...item })))
        }
      }
      return { ...counts, holes: holes.slice(0, maxFindings), chainBreaks: chainBreaks.slice(0, maxFindings) }
    },
  }
}

function decodeOrNull(bytes: Uint8Array): DecodedRecord | null {
  try { return decodeRecord(bytes) } catch { return null }
}

type GapData = { readonly stream: Stream; readonly epoch: string; readonly from: number; readonly to: number; readonly hashBefore: string; readonly hashAfter: string }
function isGap(data: object): data is GapData {
  const gap = data as Partial<GapData>
  return typeof gap.stream === 'string' && typeof gap.epoch === 'string' && Number.isSafeInteger(gap.from) && Number.isSafeInteger(gap.to) && gap.from! <= gap.to! && typeof gap.hashBefore === 'string' && typeof gap.hashAfter === 'string'
}
