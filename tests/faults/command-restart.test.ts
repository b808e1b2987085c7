import { describe, expect, it, vi } from 'vitest'
import type { CommandResult, Journal } from '../../gateway/contract/index.ts'
import { createVerifier } from '../../cloud-sync/verify/verifier.ts'
import type { DecodedRecord } from '../../cloud-sync/decode.ts'
import { deskBench, diskOf, request, states, type DeskBench } from '../support/command-desks.ts'

/** What a city receives of a journal, checked. */
async function received(journal: Journal): Promise<readonly DecodedRecord[]> {
  const verifier = createVerifier({ fromStart: true })
  const reader = await journal.reader('city', { from: 'start' })
  const records: DecodedRecord[] = []
  for (const stream of ['event', 'ledger']) {
    for (const { bytes } of await reader.take(stream, 1_000)) {
      const record = verifier.accept(`linli/v1/420106/hall-1/up/${stream}`, bytes)
      if (record) records.push(record)
    }
  }
  expect(verifier.report()).toMatchObject({ holes: [], chainBreaks: [], invalid: 0, duplicates: 0 })
  return records
}
const commandsOf = (records: readonly DecodedRecord[], id: string): readonly unknown[] => records.filter(({ type, data }) => type === 'org.linli.command.v1' && data.id === id).map(({ data }) => data.code ?? data.state)

const begun = ({ door }: DeskBench): Promise<unknown> => vi.waitUntil(() => door.writes.length === 1, { interval: 1 })

describe('a gateway killed in the middle of a command', () => {
  it('says that the outcome is unknown, and never carries it out again', async () => {
    const bench = await deskBench()
    bench.door.onWrite = () => new Promise(() => {})
    const wish = { id: 'c-run', idempotencykey: 'run' }
    const waiting = { id: 'c-wait', idempotencykey: 'wait' }
    const first = bench.send(request(bench.clock, wish))
    await begun(bench)
    const second = bench.send(request(bench.clock, waiting))
    await vi.waitUntil(() => second.length === 1)
    expect([states(first), states(second)]).toEqual([['accepted', 'running'], ['accepted']])

    const next = await deskBench({ folder: await diskOf(bench.folder), clock: bench.clock })
    expect(next.send(request(bench.clock, wish))).toMatchObject([{ state: 'failed', code: 'COMMAND_OUTCOME_UNKNOWN', detail: expect.stringContaining('the gateway restarted'), repeat: true }])
    expect(next.send(request(bench.clock, waiting))).toMatchObject([{ state: 'failed', code: 'COMMAND_NOT_STARTED', repeat: true }])
    await bench.clock.advance(60_000)
    expect(next.door.writes).toEqual([])
    const records = await received(next.journal)
    expect(commandsOf(records, 'c-run')).toEqual(['accepted', 'running', 'COMMAND_OUTCOME_UNKNOWN'])
    expect(commandsOf(records, 'c-wait')).toEqual(['accepted', 'COMMAND_NOT_STARTED'])

    // Told once: a third life finds them ended.
    const third = await deskBench({ folder: await diskOf(next.folder), clock: bench.clock })
    expect(commandsOf(await received(third.journal), 'c-run')).toHaveLength(3)
  })
  it('has answered nothing that is not on disk: whatever was told before it died is known in the next life', async () => {
    const bench = await deskBench({ config: { perMinute: 1_000 } })
    const told: string[] = []
    const answer = ({ id }: CommandResult): void => { told.push(id!) }
    for (let round = 0; round < 4; round++) {
      for (let n = 0; n < 5; n++) bench.send(request(bench.clock, { id: `c-${round}-${n}`, value: n % 2 === 0 }), { answer })
      await vi.waitUntil(() => told.includes(`c-${round}-0`), { interval: 1 })
      const before = new Set(told)
      const next = await deskBench({ folder: await diskOf(bench.folder), clock: bench.clock })
      const results = (await next.journal.state.entries('command/')).map(([, value]) => (value as { readonly result: CommandResult }).result)
      expect([...before].filter((id) => !results.some((result) => result.id === id))).toEqual([])
      expect(results.filter(({ state }) => state === 'accepted' || state === 'running')).toEqual([])
      expect(next.door.writes).toEqual([])
      await received(next.journal)
    }
  })
})
