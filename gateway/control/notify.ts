import type { ServerResponse } from 'node:http'
import type { Channels } from '../contract/index.ts'
import { codeOf, ConfigError, describe } from '../kit/index.ts'

/** Longer than any channel's own time-out. */
const longestTrialMs = 150_000

/** `{ channel }`: one message marked TEST. Answers how it went, or 409 `{ code, message }`. */
export async function tryChannel(channels: Channels | undefined, body: unknown, response: ServerResponse): Promise<void> {
  const answer = (status: number, content: unknown): void => { response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content)) }
  try {
    const { channel } = (body ?? {}) as { channel?: unknown }
    if (typeof channel !== 'string') throw new ConfigError('CONTROL_REFUSED', 'a trial needs the id of a channel')
    if (!channels) throw new ConfigError('NOTIFY_OFF', 'this gateway has no channels now: there are none in its site file, or its disk cannot be used (linli status tells)')
    answer(200, await channels.test(channel, AbortSignal.timeout(longestTrialMs)))
  } catch (error) {
    answer(409, { code: codeOf(error), message: describe(error) })
  }
}
