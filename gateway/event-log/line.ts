import type { EpochMs, GatewayEvent, Json } from '../contract/index.ts'

/** A line's event, and the time it is filed under. */
export interface Logged { readonly at: EpochMs; readonly event: GatewayEvent }

/** A terminal that was offline brings what happened weeks ago; what is older, or ahead of its arrival, is filed when it came. */
const oldestMs = 31 * 86_400_000
/** A record is 64 KiB at most; longer is damage. */
export const maxLineBytes = 1 << 18

export const filedAt = (at: EpochMs, now: EpochMs): EpochMs => (at <= now && at > now - oldestMs ? at : now)

/** The event as JSON; `filed` only where it is not the event's own time. */
export function lineOf(event: GatewayEvent, filed: EpochMs): string {
  return `${JSON.stringify(filed === event.at ? event : { ...event, filed })}\n`
}

/** Null for what is no event of ours. */
export function parseLine(line: string): Logged | null {
  let json: Json
  try { json = JSON.parse(line) as Json } catch { return null }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return null
  const { filed, ...event } = json as { readonly [key: string]: Json }
  const { type, stream, at, data } = event
  if (typeof type !== 'string' || typeof stream !== 'string' || typeof at !== 'number' || typeof data !== 'object' || data === null) return null
  return { at: typeof filed === 'number' ? filed : at, event: event as unknown as GatewayEvent }
}

export interface Piece { readonly offset: number; readonly bytes: number; readonly text: string | null }

/** Pieces between line breaks, with their place; text null for one that is too long. The last is `torn` when no break follows it. */
export async function* piecesOf(chunks: AsyncIterable<Buffer>, torn: () => void): AsyncGenerator<Piece> {
  let [rest, offset]: [Buffer, number] = [Buffer.alloc(0), 0]
  let skipping = false
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      const line = rest.length > 0 ? Buffer.concat([rest, chunk.subarray(from, end)]) : chunk.subarray(from, end)
      const bytes = line.length + 1
      if (line.length > 0 || skipping) yield { offset, bytes, text: skipping || line.length > maxLineBytes ? null : line.toString() }
      offset += bytes
      skipping = false
      rest = Buffer.alloc(0)
      from = end + 1
    }
    rest = rest.length > 0 ? Buffer.concat([rest, chunk.subarray(from)]) : Buffer.from(chunk.subarray(from))
    if (rest.length <= maxLineBytes) continue
    offset += rest.length
    rest = Buffer.alloc(0)
    skipping = true
  }
  if (rest.length > 0 || skipping) torn()
}
