// One life of a store in a process of its own, which damage may end: LevelDB aborts where it merges a table that is out of order. Writes
// down what it acknowledged and what it handed on, the latter before it is settled. Arguments: folder, number of the event it adds, file.
import { appendFileSync } from 'node:fs'
import { openStore, produce } from './store-city.ts'

const [folder = '', first = '1', told = ''] = process.argv.slice(2)
const tell = (...words: readonly (string | number)[]): void => { appendFileSync(told, `${words.join(' ')}\n`) }

await using journal = await openStore(folder)
const reader = await journal.reader('city', { from: 'start' })
const { n, epoch, seq } = await produce(journal, Number(first))
tell('stored', n, epoch, seq)
for (let round = 0; round < 2; round++) {
  for (const stream of [...reader.streams].toSorted((a, b) => Number(a === 'ledger') - Number(b === 'ledger'))) {
    for (;;) {
      const records = await reader.take(stream, 200)
      if (records.length === 0) break
      for (const { bytes } of records) tell('received', stream, Buffer.from(bytes).toString('base64'))
      await reader.settle(stream, records.map((record) => ({ record: { epoch: record.epoch, seq: record.seq }, outcome: 'acked' as const })))
    }
  }
}
