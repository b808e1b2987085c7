import { expect } from 'vitest'
import { createVerifier, type Verifier } from '../../cloud-sync/verify/verifier.ts'
import type { DecodedRecord } from '../../cloud-sync/decode.ts'

/** What a city has received of one gateway whose events are numbered 1, 2, 3 … in `data.n`, one life long: event n has sequence n. */
export interface Counted {
  readonly verifier: Verifier
  readonly numbers: ReadonlySet<number>
  readonly records: readonly DecodedRecord[]
  /** Of the `event` stream, declared as lost. */
  readonly lost: ReadonlySet<number>
  accept(topic: string, payload: string | Uint8Array): DecodedRecord | null
}

export function countingCity(prefix = 'linli/v1'): Counted {
  const verifier = createVerifier({ prefix, fromStart: true })
  const numbers = new Set<number>()
  const lost = new Set<number>()
  const records: DecodedRecord[] = []
  return {
    verifier, numbers, lost, records,
    accept(topic, payload) {
      const record = topic.includes('/up/') ? verifier.accept(topic, Buffer.from(payload)) : null
      if (!record) return null
      records.push(record)
      if (record.stream === 'event') numbers.add(record.data.n as number)
      if (record.type === 'org.linli.gap.v1' && record.data.stream === 'event') for (let seq = record.data.from as number; seq <= (record.data.to as number); seq++) lost.add(seq)
      return record
    },
  }
}

export const upTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1)

/** Law 5: received ∪ declared gaps = produced; and the chain holds across every gap. */
export function expectInvariant(city: Pick<Counted, 'numbers' | 'lost' | 'verifier'>, produced: number): void {
  const accounted = new Set([...city.numbers, ...city.lost])
  expect(upTo(produced).filter((n) => !accounted.has(n))).toEqual([])
  expect([...city.numbers].filter((n) => !(n >= 1 && n <= produced))).toEqual([])
  expect(city.verifier.report()).toMatchObject({ holes: [], chainBreaks: [], invalid: 0 })
}
