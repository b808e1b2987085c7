import { stat } from 'node:fs/promises'
import path from 'node:path'
import type { EpochMs, History } from '../contract/index.ts'
import { Book, noteRun, pointHour, union } from './books.ts'
import { drawChart, type ChartSource } from './chart.ts'
import { HourFiles } from './hours.ts'
import { BlockLog } from './log.ts'
import { recover } from './recovery.ts'
import { hoursFolder, rawFolder } from './rows.ts'

/** Charts of what lies in a history's folder, for a command that looks while no gateway runs: what the next one would draw. Writes nothing. */
export interface StoredMinutes extends Pick<History, 'chart'> {
  /** Files and blocks that did not read back. */
  readonly damaged: number
  /** The last moment the gateway is known to have run; null: nobody knows. */
  readonly ranUntil: EpochMs | null
}

/** `folder`: the history's own. Null: there is no history. Throws what the file system throws. */
export async function openMinutes(folder: string): Promise<StoredMinutes | null> {
  let damaged = 0
  const log = new BlockLog(path.join(folder, rawFolder))
  const files = new HourFiles({ folder: path.join(folder, hoursFolder), damaged: () => { damaged++ }, pause: async () => {}, readOnly: true })
  const [logged, filed] = await Promise.all([rawFolder, hoursFolder].map((name) => exists(path.join(folder, name))))
  if (!logged && !filed) return null
  if (logged) await log.find()
  if (filed) await files.find()
  const { books: recovered, alive } = await recover(log, files, () => { damaged++ })
  const books = new Map(recovered)
  const bookOf = (hour: number): Book => {
    const book = books.get(hour) ?? new Book(hour)
    books.set(hour, book)
    return book
  }
  for (const span of union(alive)) noteRun(span, bookOf)
  const source: ChartSource = {
    hours: (first, last) => [...new Set([...files.hours(), ...books.keys()])].filter((hour) => hour >= first && hour <= last).toSorted((a, b) => a - b),
    async hourOf(hour, id) {
      const stored = await files.point(hour, id)
      const book = books.get(hour)
      const known = book?.points.get(id)
      return { opening: stored?.point?.opening ?? known?.opening ?? null, rows: pointHour(hour, stored?.point, known).rows(), alive: union([...stored?.alive ?? [], ...book?.alive ?? []]) }
    },
  }
  return {
    chart: (point, from, to, maxPoints) => drawChart(source, point, from, to, maxPoints),
    get damaged() { return damaged },
    ranUntil: alive.length === 0 ? null : Math.max(...alive.map(([, to]) => to)),
  }
}

const exists = (folder: string): Promise<boolean> => stat(folder).then(() => true, (error: NodeJS.ErrnoException) => { if (error.code === 'ENOENT') return false; throw error })
