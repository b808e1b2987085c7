import type { EpochMs, EventLog, GatewayEvent } from '../contract/index.ts'
import { dayMs } from './day-file.ts'
import { Folder } from './folder.ts'
import { merged, openFile, read, type Opened } from './reading.ts'

export interface StoredEvents extends Pick<EventLog, 'read'> {
  /** Lines that did not read back, each time they were read. */
  readonly damaged: number
}

/** What lies in an event log's folder, for a command that looks while no gateway runs. Writes nothing. Null: there is no log. Throws what the file system throws. */
export async function openEvents(path: string): Promise<StoredEvents | null> {
  const folder = new Folder(path)
  try { await folder.look() } catch (error) { if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null; throw error }
  if (folder.files.length === 0) return null
  let damaged = 0
  return { read: (from, to, types) => eventsIn(folder, { from, to, types }, () => { damaged++ }, (work) => work()), get damaged() { return damaged } }
}

/** In order of time. `inTurn`: between pieces of work on the folder's files. */
export async function* eventsIn(
  folder: Folder, { from, to, types }: { readonly from: EpochMs; readonly to: EpochMs; readonly types: readonly string[] | undefined }, damaged: () => void, inTurn: <T>(work: () => Promise<T>) => Promise<T>,
): AsyncGenerator<GatewayEvent> {
  const takes = types ? new Set(types) : null
  const kinds = (['events', 'access'] as const).filter((kind) => !takes || (kind === 'access' ? takes.has('access') : [...takes].some((type) => type !== 'access')))
  const wanted = { from, to, takes: (type: string) => takes === null || takes.has(type), damaged }
  const days = await inTurn(async () => [...new Set(folder.files.map(({ day }) => day))].filter((day) => (day + 1) * dayMs > from && day * dayMs < to))
  for (const day of days) {
    const opened = await inTurn(async () => (await Promise.all(folder.ofDay(day, kinds).map((file) => openFile(folder.path, file)))).filter((each): each is Opened => each !== null))
    try {
      for await (const { event } of merged(opened.map((each) => read(each, wanted)))) yield event
    } finally {
      await Promise.all(opened.map(({ handle }) => handle.close()))
    }
  }
}
