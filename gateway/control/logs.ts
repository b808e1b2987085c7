import type { ServerResponse } from 'node:http'
import { codeOf, ConfigError, describe } from '../kit/index.ts'
import { levels, type Level, type LogLine, type LogQuery, type LogsPort } from '../support/logs.ts'

const most = 2_000
/** A listener that does not read is cut off here rather than buffered for. */
const maxBufferedBytes = 1 << 20

/** `/logs?level=&room=&text=&limit=&cursor=`: what is kept; `/logs/follow?…`: one JSON object a line, what is kept first, then live. 409 LOGS_USAGE. */
export async function answerLogs(logs: LogsPort, url: string, response: ServerResponse): Promise<void> {
  try {
    const { pathname, searchParams } = new URL(url, 'http://socket')
    const query = queryOf(searchParams)
    if (pathname === '/logs/follow') return await follow(logs, query, response)
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(await logs.read(query)))
  } catch (error) {
    response.writeHead(409, { 'content-type': 'application/json' }).end(JSON.stringify({ code: codeOf(error), message: describe(error) }))
  }
}

function queryOf(asked: URLSearchParams): LogQuery {
  const level = (asked.get('level') ?? 'trace') as Level
  if (!levels.includes(level)) throw new ConfigError('LOGS_USAGE', `there is no level "${level.slice(0, 20)}"; there are ${levels.join(', ')}`)
  const limit = Number(asked.get('limit') ?? 500)
  if (!Number.isInteger(limit) || limit < 0 || limit > most) throw new ConfigError('LOGS_USAGE', `ask for 0 to ${most} lines`)
  const text = (name: string): string | undefined => asked.get(name)?.slice(0, 200) || undefined
  return { level, limit, room: text('room'), text: text('text'), cursor: text('cursor') }
}

async function follow(logs: LogsPort, query: LogQuery, response: ServerResponse): Promise<void> {
  const send = (line: LogLine): void => {
    if (response.writableLength > maxBufferedBytes) response.destroy()
    else response.write(`${JSON.stringify(line)}\n`)
  }
  // Lines that come meanwhile wait for those before them.
  const early: LogLine[] = []
  let live = false
  const stop = await logs.follow(query, (line) => { if (live) send(line); else if (early.length < most) early.push(line) })
  response.on('close', stop)
  const { lines } = await logs.read(query)
  response.writeHead(200, { 'content-type': 'application/x-ndjson' }).flushHeaders()
  const last = lines.at(-1)?.seq ?? 0
  for (const line of [...lines, ...early.filter(({ seq }) => seq > last)]) send(line)
  live = true
}
