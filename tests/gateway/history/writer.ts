// Writes numbered readings in virtual time, as fast as the disk follows, until it is killed: node writer.ts FOLDER FIRST. The file `clock` beside the folder tells the time and the last number; a line on stdout, that it runs.
import { existsSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { FakeClock, silentLog } from '../../../gateway/kit/index.ts'
import { FileHistory } from '../../../gateway/history/index.ts'

const [folder, first] = [process.argv[2]!, Number(process.argv[3])]
const clockFile = path.join(folder, '../clock')
const clock = new FakeClock(existsSync(clockFile) ? Number.parseInt(readFileSync(clockFile, 'utf8')) + 100_000 : Date.UTC(2026, 2, 1, 8))
const history = new FileHistory({ folder, clock, log: silentLog(), maxBytes: 1 << 30, rawDays: 7, minuteDays: 62, minFreeBytes: 0 })
for (let n = first; ; n++) {
  writeFileSync(`${clockFile}.new`, `${clock.now()} ${n}`)
  renameSync(`${clockFile}.new`, clockFile)
  history.readings([{ pointId: 'p.n', value: n, at: clock.now(), receivedAt: clock.now(), quality: 'good' }])
  if (n === first + 40) writeSync(1, 'running\n')
  await clock.advance(400)
  if (n % 50 === 0) await history.span()
}
