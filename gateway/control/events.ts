import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { EventLog } from '../contract/index.ts'
import { codeOf, describe } from '../kit/index.ts'

const maxTypes = 32

/** `/events?from=&to=&types=alert,access`: one JSON object a line, in order of time. A slow reader is waited for; one that has gone ends it. */
export async function answerEvents(log: Pick<EventLog, 'read'>, url: string, response: ServerResponse): Promise<void> {
  try {
    const { searchParams: asked } = new URL(url, 'http://socket')
    const types = (asked.get('types') ?? '').split(',').filter((type) => type !== '').slice(0, maxTypes)
    const [from, to] = [Number(asked.get('from') ?? NaN), Number(asked.get('to') ?? NaN)]
    response.writeHead(200, { 'content-type': 'application/x-ndjson' })
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    for await (const event of log.read(from, to, types.length > 0 ? types : undefined)) {
      if (gone.signal.aborted) return
      if (!response.write(`${JSON.stringify(event)}\n`)) await once(response, 'drain', { signal: gone.signal })
    }
    response.end()
  } catch (error) {
    if (response.headersSent) { response.destroy(); return }
    response.writeHead(409, { 'content-type': 'application/json' }).end(JSON.stringify({ code: codeOf(error), message: describe(error) }))
  }
}
