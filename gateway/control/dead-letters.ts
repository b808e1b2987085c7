import type { ServerResponse } from 'node:http'
import type { DeadLetters } from '../contract/index.ts'
import { codeOf, ConfigError, describe } from '../kit/index.ts'

/** A dead letter as the CLI and the console see it; `event` is the record as text, cut after 4 kB. */
export interface DeadLetterView { readonly id: string; readonly reader: string; readonly stream: string; readonly at: number; readonly reason: string; readonly event: string }

const pageSize = 100
const shownBytes = 4_096

export async function listDeadLetters(letters: DeadLetters, after: string | undefined): Promise<readonly DeadLetterView[]> {
  const page = await letters.list(pageSize, after)
  return page.map(({ id, reader, stream, at, reason, bytes }) => ({ id, reader, stream, at, reason, event: Buffer.from(bytes.subarray(0, shownBytes)).toString() }))
}

/** `{ action: resend|discard, ids }`; `ids: "all"` is every letter there is now. Answers `{ done }`, or 409 `{ code, message }`. */
export async function orderDeadLetters(letters: DeadLetters, body: unknown, response: ServerResponse): Promise<void> {
  const answer = (status: number, content: unknown): void => { response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content)) }
  try {
    const { action, ids } = (body ?? {}) as { action?: unknown; ids?: unknown }
    if ((action !== 'resend' && action !== 'discard') || !(ids === 'all' || (Array.isArray(ids) && ids.every((id) => typeof id === 'string')))) throw new ConfigError('CONTROL_REFUSED', 'an order needs action (resend or discard) and ids')
    answer(200, { done: await settleDeadLetters(letters, action, ids as readonly string[] | 'all') })
  } catch (error) {
    answer(409, { code: codeOf(error), message: describe(error) })
  }
}

/** Returns how many were found. */
export async function settleDeadLetters(letters: DeadLetters, action: 'resend' | 'discard', ids: readonly string[] | 'all'): Promise<number> {
  const act = (some: readonly string[]): Promise<number> => (action === 'resend' ? letters.resend(some) : letters.discard(some))
  if (ids !== 'all') return act(ids)
  // A refused one that is sent again may come back: only those that were here at first.
  const wanted: string[] = []
  for (let after: string | undefined; ;) {
    const page = await letters.list(pageSize, after)
    if (page.length === 0) break
    wanted.push(...page.map(({ id }) => id))
    after = page.at(-1)!.id
  }
  let done = 0
  for (let from = 0; from < wanted.length; from += pageSize) done += await act(wanted.slice(from, from + pageSize))
  return done
}
