import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { History } from '../contract/index.ts'
import { codeOf, ConfigError, describe } from '../kit/index.ts'

/** `/history`: a chart as JSON; `/history/span`: what there is; `/history/raw`: what rules are given, one JSON object a line. 409 `{ code, message }` for what cannot be answered. */
export async function answerHistory(history: History | undefined, url: string, response: ServerResponse): Promise<void> {
  try {
    if (!history) throw new ConfigError('HISTORY_OFF', 'this gateway keeps no history; set history.enabled to true in its site file')
    const { pathname, searchParams: asked } = new URL(url, 'http://socket')
    if (pathname === '/history/span') return void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(await history.span()))
    const [from, to] = [numberOf(asked, 'from'), numberOf(asked, 'to')]
    if (pathname === '/history/raw') return await sendRaw(history, from, to, response)
    const chart = await history.chart(asked.get('point') ?? '', from, to, numberOf(asked, 'points'))
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(chart))
  } catch (error) {
    if (response.headersSent) { response.destroy(); return }
    response.writeHead(409, { 'content-type': 'application/json' }).end(JSON.stringify({ code: codeOf(error), message: describe(error) }))
  }
}

const numberOf = (asked: URLSearchParams, name: string): number => Number(asked.get(name) || NaN)

/** A reader that is slow is waited for; one that has gone ends it. */
async function sendRaw(history: History, from: number, to: number, response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  for await (const input of history.replay(from, to)) {
    if (gone.signal.aborted) return
    if (!response.write(`${JSON.stringify(input)}\n`)) await once(response, 'drain', { signal: gone.signal })
  }
  response.end()
}
