import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ChangeOrder, ChangePort } from '../contract/index.ts'
import { codeOf, ConfigError, describe } from '../kit/index.ts'

/** A site file has at most 4 MiB; as JSON it may be half as long again. */
const maxBodyBytes = 6 << 20
const maxText = 200
/** RFC 6241 §8.4 has ten minutes; an installer on a roof may need longer. */
const maxWindowMs = 24 * 3_600_000

/**
 * GET /configurations (view), /configurations/N (text); POST /configurations `{ action: plan | apply | confirm | roll-back, … }`.
 * 409 `{ code, message, problems? }` when refused. True: it was one of these.
 */
export function answerChange(changes: ChangePort | undefined, request: IncomingMessage, response: ServerResponse): boolean {
  const [, root, number] = request.url?.split('/') ?? []
  if (root !== 'configurations') return false
  const answer = (status: number, body: unknown): void => { response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)) }
  const work = async (): Promise<unknown> => {
    if (!changes) throw new ConfigError('CHANGE_UNAVAILABLE', 'this gateway was not started by linli run, and nobody could put another in its place; stop it, change the file, and start it again')
    if (request.method === 'POST') return order(changes, await bodyOf(request))
    return number === undefined ? changes.view() : { text: await changes.text(Number(number)) }
  }
  work().then((body) => answer(200, body), (error: unknown) => {
    const problems = error instanceof Error && 'problems' in error ? { problems: error.problems } : {}
    answer(409, { code: codeOf(error), message: describe(error), ...problems })
  })
  return true
}

/** What both doors take, the socket and the page. Throws ConfigError CONTROL_REFUSED. */
export async function order(changes: ChangePort, body: unknown): Promise<unknown> {
  const wish = (body ?? {}) as Readonly<Record<string, unknown>>
  const { action, text, number, acceptLoss, overwrite, anyway } = wish
  const [reason, windowMs] = [textOf(wish.reason), wish.windowMs]
  const author = { by: textOf(wish.by), origin: 'cli' as const }
  const lasts = typeof windowMs === 'number' && windowMs >= 1_000 && windowMs <= maxWindowMs
  if (action === 'plan' && typeof text === 'string') return changes.plan(text)
  if (action === 'apply' && typeof text === 'string' && lasts && (wish.confirm === 'person' || wish.confirm === 'health')) {
    const flags: Pick<ChangeOrder, 'acceptLoss' | 'overwrite'> = { acceptLoss: acceptLoss === true, overwrite: overwrite === true }
    return changes.apply({ ...author, text, reason, confirm: wish.confirm, windowMs, ...flags })
  }
  if (action === 'confirm') return changes.confirm(author, anyway === true)
  if (action === 'roll-back' && lasts && (number === undefined || typeof number === 'number')) return changes.rollBack({ ...author, reason, windowMs, number })
  throw new ConfigError('CONTROL_REFUSED', 'a change needs action: plan, apply, confirm or roll-back, with text, confirm: person or health, and windowMs from 1 s to 24 h')
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value.slice(0, maxText) : '')

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if ((size += chunk.length) > maxBodyBytes) throw new ConfigError('CONTROL_REFUSED', 'the order is longer than 6 MiB; a site file has at most 4')
    chunks.push(chunk)
  }
  try { return JSON.parse(Buffer.concat(chunks).toString()) } catch (cause) { throw new ConfigError('CONTROL_REFUSED', 'the order is not JSON', { cause }) }
}
