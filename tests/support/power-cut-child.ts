// Lives of a journal under power-cut-recorder.c: opens, produces, is drained in part, closes, thrice. What was acknowledged and what the city got
// stands in the file ACKS, in the same order of writes as the disk's.
import { openSync, writeSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import type { JournalReader } from '../../gateway/contract/index.ts'
import { openStore, produce } from './store-city.ts'

const [folder, acks, perLife] = process.argv.slice(2) as [string, string, string]
const told = openSync(acks, 'a')
const tell = (...words: readonly (string | number)[]): void => { writeSync(told, `${words.join(' ')}\n`) }

async function take(reader: JournalReader, limit: number): Promise<void> {
  for (const stream of reader.streams) {
    const records = await reader.take(stream, limit)
    for (const { bytes } of records) tell('received', stream, Buffer.from(bytes).toString('base64'))
    await reader.settle(stream, records.map(({ epoch, seq }, index) => ({ record: { epoch, seq }, ...(index % 7 === 6 ? { outcome: 'rejected' as const, reason: 'test' } : { outcome: 'acked' as const }) })))
  }
}

let n = 0
for (let life = 0; life < 3; life++) {
  await using journal = await openStore(folder)
  const reader = await journal.reader('city', { from: 'start' })
  for (let turn = 0; turn < Number(perLife); turn++) {
    const { epoch, seq } = await produce(journal, ++n, turn % 3 === 0 ? randomBytes(30_000).toString('base64') : '')
    tell('stored', n, epoch, seq)
    if (turn % 10 === 9) await take(reader, 6)
  }
}
