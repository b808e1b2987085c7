import type { Clock, SecretRef } from '../../gateway/contract/index.ts'
import { ask, checkStatus, jsonOf, readAuthority, type Reply } from './http.ts'
import { NotifyError, said } from './notify-error.ts'

/** What a code in the body means; whatever is not listed is refused for good, as what the vendors do not document is. */
export type Meaning = 'rate' | 'busy' | 'signature' | 'login' | 'keyword' | 'address' | 'content'
interface Robot { readonly id: string; readonly token: SecretRef; readonly baseUrl?: string | undefined; readonly ca?: string | undefined; readonly timeout: number }

/** Token and origin. The secret is the token alone, or the whole address as the chat shows it. Throws NotifyError NOTIFY_LOGIN for an address that holds none. */
export function tokenOf(who: string, secret: string, query: string | null, { baseUrl, vendor }: { readonly baseUrl?: string | undefined; readonly vendor: string }): { readonly token: string; readonly base: string } {
  const text = secret.trim()
  if (!/^https?:/i.test(text)) return { token: text, base: baseUrl ?? vendor }
  const url = URL.parse(text)
  const token = url && (query === null ? url.pathname.split('/').at(-1) : url.searchParams.get(query))
  if (!url || !token) throw new NotifyError('NOTIFY_LOGIN', `${who}: the secret looks like an address but holds no token; copy the robot's whole address, or its token alone`)
  return { token, base: baseUrl ?? url.origin }
}

export const hostOf = (base: string): string => URL.parse(base)?.host ?? '?'
export const whoIs = (id: string, host: string): string => `channel ${id} (${host})`

/** Posts JSON and reads the code that these services put into the body of an HTTP 200. Throws NotifyError. */
export async function postToRobot({ config, who, url, body, codes, field, secrets, clock, signal }: {
  readonly config: Robot; readonly who: string; readonly url: string; readonly body: object; readonly clock: Clock; readonly signal: AbortSignal
  readonly codes: Readonly<Record<number, Meaning>>; readonly field: readonly [code: string, text: string]; readonly secrets: readonly string[]
}): Promise<Reply> {
  const target = URL.parse(url)
  if (!target) throw new NotifyError('NOTIFY_LOGIN', `${who}: the token does not make an address; copy it again, without spaces or line breaks`)
  const reply = await ask({ who, url: target, method: 'POST', headers: { 'content-type': 'application/json; charset=utf-8' }, body: JSON.stringify(body), timeoutMs: config.timeout, ca: await readAuthority(who, config.ca) }, clock, signal)
  // Some refusals come with a 4xx of their own and the code in the body, which says more.
  const answer = reply.status >= 400 && reply.status < 500 && reply.status !== 429 ? tryJson(who, reply) : (checkStatus(who, reply), jsonOf(who, reply))
  const code = answer?.[field[0]]
  if (answer === null || typeof code !== 'number') { checkStatus(who, reply); throw new NotifyError('NOTIFY_ANSWER', `${who}: the answer has no ${field[0]}; is this address the robot's?`, { retriable: true }) }
  if (code !== 0) throw refusal({ who, code, meaning: codes[code], text: said(answer[field[1]], secrets), date: reply.date })
  return reply
}

function tryJson(who: string, reply: Reply): { readonly [key: string]: unknown } | null {
  try { return jsonOf(who, reply) } catch { return null }
}

const robotPenaltyMs = 120_000

function refusal({ who, code, meaning, text, date }: { readonly who: string; readonly code: number; readonly meaning: Meaning | undefined; readonly text: string; readonly date: number }): NotifyError {
  const values = { peerCode: code, date }
  const end = `(code ${code}${text ? `: ${text}` : ''})`
  switch (meaning) {
    // DingTalk shuts a robot out for ten minutes: asking at once again gains nothing.
    case 'rate': return new NotifyError('NOTIFY_RATE_LIMITED', `${who}: too many messages ${end}; what waits goes later, as one. Lower perMinute if others use this robot too`, { retriable: true, retryAfterMs: robotPenaltyMs, values })
    case 'busy': return new NotifyError('NOTIFY_BUSY', `${who}: the service is not ready ${end}; it is tried again`, { retriable: true, values })
    case 'signature': return new NotifyError('NOTIFY_SIGNATURE', `${who}: the robot's security setting refuses it ${end}; check secret, the gateway's clock (right within an hour), and the robot's keywords and addresses`, { values })
    case 'keyword': return new NotifyError('NOTIFY_KEYWORD', `${who}: a security setting of the robot refuses it ${end}; choose the signature there, or a keyword that every message holds, such as the name of the site`, { values, content: true })
    case 'address': return new NotifyError('NOTIFY_KEYWORD', `${who}: the robot takes messages from certain addresses only ${end}; add the one this network is seen from there, or choose the signature`, { values })
    case 'login': return new NotifyError('NOTIFY_LOGIN', `${who}: the robot is not known, or is switched off ${end}; copy its address again, or add it to the group again`, { values })
    default: return new NotifyError('NOTIFY_REFUSED', `${who}: refused ${end}`, { values, content: true })
  }
}
