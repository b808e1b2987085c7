// A process whose power is cut, under disk-recorder.c: it commits numbered events and readings, hands some on to a city, and writes into the
// file `told`, below the same folder and so in the same recording, what it acknowledged (`stored n epoch event-seq telemetry-seq`) and what it
// handed on (`received stream base64`). Arguments: folder, first number, then for each life `count:bytes`; a last word `die` ends it by
// SIGKILL in the middle of a commit.
import { openSync, writeSync } from 'node:fs'
import path from 'node:path'
import type { Journal, JournalReader } from '../../gateway/contract/index.ts'
import { seededRandom } from './seed.ts'
import { numbered, openStore } from './store-city.ts'

const [folder = '', first = '1', ...words] = process.argv.slice(2)
const dies = words.at(-1) === 'die'
const lives = (dies ? words.slice(0, -1) : words).map((word) => word.split(':').map(Number))
const random = seededRandom(Number(first))
const told = openSync(path.join(folder, 'told'), 'a')
const tell = (...said: readonly (string | number)[]): void => { writeSync(told, `${said.join(' ')}\n`) }
/** That does not compress to nothing: LevelDB's tables are to be large. */
const filler = (bytes: number): string => { let text = ''; while (text.length < bytes) text += Math.floor(random() * 2 ** 48).toString(36); return text.slice(0, bytes) }
let n = Number(first) - 1

async function commit(journal: Journal, bytes: number): Promise<void> {
  const own = ++n
  const reading = { pointId: 'meter.power', value: own, at: own, receivedAt: own, quality: 'good' as const }
  await journal.commit({ events: [numbered(own, filler(bytes))], readings: [reading], state: [{ key: 'rule/last', value: own }], urgent: true })
  const { event, telemetry } = journal.heads()
  tell('stored', own, event.epoch, event.seq, telemetry.seq)
}

async function deliver(reader: JournalReader): Promise<void> {
  for (const stream of reader.streams) {
    const records = await reader.take(stream, 1 + Math.floor(random() * 6))
    for (const { bytes } of records) tell('received', stream, Buffer.from(bytes).toString('base64'))
    await reader.settle(stream, records.map(({ epoch, seq }, index) => ({ record: { epoch, seq }, ...(index === 3 ? { outcome: 'rejected' as const, reason: 'test' } : { outcome: 'acked' as const }) })))
  }
}

for (const [index, [count = 0, bytes = 0]] of lives.entries()) {
  const journal = await openStore(folder)
  const reader = await journal.reader('city', { from: 'start' })
  for (let i = 0; i < count; i++) {
    await commit(journal, bytes)
    if (random() < 0.3) await deliver(reader)
  }
  if (dies && index === lives.length - 1) {
    void commit(journal, bytes)
    setImmediate(() => setImmediate(() => process.kill(process.pid, 'SIGKILL')))
    await new Promise(() => {})
  }
  await journal[Symbol.asyncDispose]()
}
