import type { EpochMs, JsonObject } from '../contract/index.ts'
import { ConfigError, type LogRing } from '../kit/index.ts'
import type { Scrubber } from './scrub.ts'

export const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
export type Level = (typeof levels)[number]

/** One line as people read it. `where`: the room, connection or uplink that said it. `more`: what else it carries. */
export interface LogLine { readonly seq: number; readonly at: EpochMs | null; readonly level: Level; readonly where?: string; readonly code?: string; readonly text: string; readonly more: JsonObject }

export interface LogFilter {
  /** This or graver. */
  readonly level: Level
  /** As `where` says it. */
  readonly room?: string | undefined
  /** In any of what the line shows, upper and lower case alike. */
  readonly text?: string | undefined
}
export interface LogQuery extends LogFilter {
  /** Only what came after the answer that gave it. One of another life: everything. */
  readonly cursor?: string | undefined
  /** The newest so many. */
  readonly limit: number
}
/** `missed`: since the cursor, and no longer kept. `rooms`: all that said something. */
export interface LogsAnswer { readonly lines: LogLine[]; readonly cursor: string; readonly missed: number; readonly rooms: string[]; readonly kept: { readonly lines: number; readonly bytes: number } }

export interface LogsPort {
  read(query: LogQuery): Promise<LogsAnswer>
  /** New lines, as they come; the returned function ends it. */
  follow(filter: LogFilter, listener: (line: LogLine) => void): Promise<() => void>
}

/** The log of the running gateway, without what its files know to be secret. Nothing is read or parsed before somebody asks. */
export function createLogs(ring: LogRing, scrubber: () => Promise<Scrubber>): LogsPort {
  return {
    async read({ cursor, limit, ...filter }) {
      const scrub = await scrubber()
      const from = positionOf(ring, cursor)
      const rooms = new Set<string>()
      const lines: LogLine[] = []
      for (const { seq, line } of ring.read()) {
        const read = readLine(seq, line)
        if (read.where !== undefined) rooms.add(read.where)
        if (seq > from && isAsked(read, filter)) lines.push(read)
      }
      // What is searched for must not tell what was taken out.
      const shown = lines.map((line) => clean(line, scrub)).filter((line) => hasText(line, filter.text)).slice(limit === 0 ? Infinity : -limit)
      return { lines: shown, cursor: `${ring.run}-${ring.last}`, missed: cursor === undefined ? 0 : ring.missed(from), rooms: [...rooms].toSorted(), kept: ring.size }
    },
    async follow(filter, listener) {
      const scrub = await scrubber()
      return ring.subscribe(({ seq, line }) => {
        const read = readLine(seq, line)
        if (!isAsked(read, filter)) return
        const shown = clean(read, scrub)
        if (hasText(shown, filter.text)) listener(shown)
      })
    },
  }
}

const cursorPattern = /^([0-9a-f]{8})-(\d{1,15})$/
/** Throws ConfigError LOGS_USAGE. */
function positionOf(ring: LogRing, cursor: string | undefined): number {
  if (cursor === undefined) return 0
  const [, run, seq] = cursorPattern.exec(cursor) ?? []
  if (run === undefined) throw new ConfigError('LOGS_USAGE', 'the cursor is none that an answer gave; leave it out to begin anew')
  return run === ring.run ? Math.min(Number(seq), ring.last) : 0
}

const isAsked = (line: LogLine, { level, room }: LogFilter): boolean => levels.indexOf(line.level) >= levels.indexOf(level) && (room === undefined || line.where === room)
const hasText = (line: LogLine, text: string | undefined): boolean => text === undefined || text === '' || renderLine(line).toLowerCase().includes(text.toLowerCase())
const clean = (line: LogLine, scrub: Scrubber): LogLine => ({ ...line, text: scrub.text(line.text), more: scrub.json(line.more) as JsonObject })

/** Whatever it is: a line that is no JSON is its own text. */
export function readLine(seq: number, line: string): LogLine {
  const found = parsed(line)
  if (!found) return { seq, at: null, level: 'info', text: line.trimEnd().slice(0, 2_000), more: {} }
  const { level, time, msg, code, room, connection, uplink, ...more } = found
  const where = [room, connection, uplink].filter((each) => typeof each === 'string').join('/')
  const at = typeof time === 'string' ? Date.parse(time) : NaN
  return {
    seq, at: Number.isFinite(at) ? at : null, level: levels[Math.min(levels.length - 1, Math.max(0, Math.floor(Number(level) / 10) - 1))] ?? 'info',
    ...(where === '' ? {} : { where }), ...(typeof code === 'string' ? { code } : {}), text: typeof msg === 'string' ? msg : '', more: more as JsonObject,
  }
}

function parsed(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const found: unknown = JSON.parse(line)
    return typeof found === 'object' && found !== null && !Array.isArray(found) ? found as Readonly<Record<string, unknown>> : null
  } catch { return null }
}

/** One line of text; what devices sent must not move the cursor of a terminal. */
export function renderLine({ at, level, where, code, text, more }: LogLine): string {
  const rest = Object.entries(more).map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  // eslint-disable-next-line no-control-regex
  return [at === null ? '-' : new Date(at).toISOString(), level.toUpperCase().padEnd(5), where ?? '-', ...(code === undefined ? [] : [code]), text, ...rest].join(' ').replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
}
