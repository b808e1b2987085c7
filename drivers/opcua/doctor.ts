import type { Finding } from '../../gateway/contract/index.ts'
import type { OpcuaConfig } from './schema.ts'

export interface Facts {
  readonly now: number
  readonly ownUntil: number
  readonly serverUntil: number | null
  /** The server's clock minus ours; null before the first sign of life. */
  readonly clockOffsetMs: number | null
  /** Why there is no subscription; null when there is one, or none was wanted. */
  readonly subscriptionRefused: string | null
  readonly unfiltered: readonly { readonly pointId: string; readonly status: string }[]
  readonly slower: readonly { readonly pointId: string; readonly everyMs: number }[]
  readonly missing: readonly { readonly deviceId: string; readonly nodes: readonly string[] }[]
  readonly overflows: number
  readonly keepAliveMisses: number
  readonly serverState: number
}

const dayMs = 24 * 3_600_000
const warnDays = 30
const clockToleranceMs = 5_000
const list = (items: readonly string[]): string => `${items.slice(0, 5).join(', ')}${items.length > 5 ? ` and ${items.length - 5} more` : ''}`
const serverStates = ['running', 'failed', 'without configuration', 'suspended', 'shutting down', 'in test mode', 'without communication', 'in an unknown state']

/** The likely cause and the next step of what a session has seen. Pure. */
export function diagnose({ id, settings }: OpcuaConfig, facts: Facts): readonly Finding[] {
  const out: Finding[] = []
  const say = (code: string, text: string, deviceId?: string): void => { out.push({ code, text, ...(deviceId === undefined ? {} : { deviceId }) }) }
  const ends = (until: number, whose: string, next: string): void => {
    const days = Math.floor((until - facts.now) / dayMs)
    if (days < warnDays) say('OPCUA_CERTIFICATE_ENDS', `connection ${id}: ${whose} certificate ${days < 0 ? 'has ended' : `ends in ${days} days`}; ${next}`)
  }
  ends(facts.ownUntil, 'the gateway\'s', `move ${settings.pki}/own away, restart, and have the new certificate accepted by the server`)
  if (facts.serverUntil !== null) ends(facts.serverUntil, 'the server\'s', 'have a new one installed on the server; the gateway will ask to trust it')
  if (facts.serverState > 0) say('OPCUA_SERVER_STATE', `connection ${id}: the server says it is ${serverStates[facts.serverState] ?? 'in an unknown state'}; look at the server itself`)
  if (facts.subscriptionRefused !== null) say('OPCUA_POLLING', `connection ${id}: the server refuses subscriptions (${facts.subscriptionRefused}); all points are polled, which costs it more; raise its limit of subscriptions, or set "mode: poll" to be no longer told`)
  if (facts.unfiltered.length > 0) say('OPCUA_FILTER_REFUSED', `connection ${id}: the server refuses the deadband of ${list(facts.unfiltered.map(({ pointId, status }) => `${pointId} (${status})`))}; every change travels; take "filter" out, or give the node an EURange for a deadband in percent`)
  if (facts.slower.length > 0) say('OPCUA_SLOWER', `connection ${id}: the server samples more slowly than "poll" asks: ${list(facts.slower.map(({ pointId, everyMs }) => `${pointId} every ${everyMs} ms`))}; lower its least sampling interval, or raise "poll"`)
  for (const { deviceId, nodes } of facts.missing) say('OPCUA_BAD_NODE', `${deviceId}: the server has no ${list(nodes)}; compare with: linli probe opcua ${settings.endpoint} browse`, deviceId)
  if (facts.clockOffsetMs !== null && Math.abs(facts.clockOffsetMs) > clockToleranceMs) say('OPCUA_CLOCK', `connection ${id}: the server's clock is ${Math.abs(Math.round(facts.clockOffsetMs / 1_000))} s ${facts.clockOffsetMs > 0 ? 'ahead' : 'behind'}, and so are the time stamps of its values; set up NTP on the server, and on the gateway`)
  if (facts.overflows > 0) say('OPCUA_OVERFLOW', `connection ${id}: the server dropped ${facts.overflows} changes between two publishes; raise "queueSize" of fast points, or shorten "publishingInterval"`)
  if (facts.keepAliveMisses > 2) say('OPCUA_SLOW', `connection ${id}: ${facts.keepAliveMisses} signs of life came late; the network or the server is overloaded`)
  return out
}
