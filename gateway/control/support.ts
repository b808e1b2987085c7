import type { ServerResponse } from 'node:http'
import { codeOf, ConfigError, describe } from '../kit/index.ts'
import type { MakeBundle } from '../support/bundle-job.ts'

/** One a line: how far it is, then the bundle in base64, or what went wrong. */
export type BundleLine = { readonly share: number } | { readonly name: string; readonly content: string } | { readonly code: string; readonly message: string }

const most = 10_000
/** Of which gateway one is being made. */
const busy = new WeakSet<MakeBundle>()

/** `/support-bundle?events=N`. 409 SUPPORT_BUSY while another is made. */
export async function answerBundle(make: MakeBundle, url: string, response: ServerResponse): Promise<void> {
  const send = (line: BundleLine): void => { response.write(`${JSON.stringify(line)}\n`) }
  const refuse = (error: unknown): void => { response.writeHead(409, { 'content-type': 'application/json' }).end(JSON.stringify({ code: codeOf(error), message: describe(error) })) }
  const events = Number(new URL(url, 'http://socket').searchParams.get('events') ?? 0)
  if (!Number.isInteger(events) || events < 0 || events > most) return refuse(new ConfigError('SUPPORT_USAGE', `ask for 0 to ${most} events`))
  if (busy.has(make)) return refuse(new ConfigError('SUPPORT_BUSY', 'another support bundle is being made; wait for it'))
  busy.add(make)
  try {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' }).flushHeaders()
    const { name, bytes } = await make(events, (share) => send({ share }))
    send({ name, content: Buffer.from(bytes).toString('base64') })
  } catch (error) {
    send({ code: codeOf(error), message: describe(error) })
  } finally {
    busy.delete(make)
    response.end()
  }
}
