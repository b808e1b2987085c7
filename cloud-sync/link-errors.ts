import type { TimeQuality } from '../gateway/contract/index.ts'
import { codeOf, describe, UplinkError } from '../gateway/kit/index.ts'

/** What is known when a connection ends. */
export interface LinkEnd {
  /** `uplink <id> (<url>)` */
  readonly where: string
  readonly protocol: 4 | 5
  /** How far it came. */
  readonly stage: 'nothing' | 'transport' | 'connected'
  /** The socket's or library's error; a number in `code` is MQTT's reason. */
  readonly failure: unknown
  /** Reason of the broker's DISCONNECT packet. */
  readonly disconnect: number | undefined
  readonly now: number
  readonly timeQuality: TimeQuality
}

/** CONNACK: 3.1.1 return code 1, MQTT 5 reason 0x84. */
const unsupportedProtocol = new Set([1, 0x84])
const takenOver = 0x8e
const tlsCodes = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO)/

/** The code and the sentence for a connection that could not be opened, or ended. Pure. */
export function explainEnd(end: LinkEnd): UplinkError {
  const { where, protocol, stage, failure, disconnect } = end
  const details = { cause: failure, retriable: true, values: { disconnect } }
  const code = failure && typeof failure === 'object' && 'code' in failure ? failure.code : undefined
  if (disconnect === takenOver) return new UplinkError('UPLINK_TAKEN_OVER', `${where}: another client came with the same client id; give each gateway its own site.id or clientId`, details)
  if (typeof code === 'string' && tlsCodes.test(code)) return new UplinkError('UPLINK_TLS', `${where}: ${tlsText(code, end)}`, details)
  if (stage === 'connected') return new UplinkError('UPLINK_CLOSED', `${where}: the connection was closed${because(disconnect, failure)}; it is opened again`, details)
  if (typeof code === 'number' && protocol === 5 && unsupportedProtocol.has(code)) return new UplinkError('UPLINK_PROTOCOL', `${where}: the broker does not speak MQTT 5; using 3.1.1, where it cannot tell a refused publish from an accepted one`, details)
  if (typeof code === 'number') return new UplinkError('UPLINK_REFUSED', `${where}: the broker refused the connection (${describe(failure)}); check username, password and client id`, details)
  if (stage === 'transport') return new UplinkError('UPLINK_NO_CONNACK', `${where}: something accepts the connection but does not answer as an MQTT broker (${failure === undefined ? 'closed or silent before CONNACK' : describe(failure) || codeOf(failure)}); check port, mqtt:// or mqtts://, and protocol`, details)
  return new UplinkError('UPLINK_CONNECT_FAILED', `${where}: no connection (${failure === undefined ? 'timeout' : describe(failure) || String(code)}); check the network, host and port`, details)
}

function because(disconnect: number | undefined, failure: unknown): string {
  if (disconnect !== undefined) return ` by the broker, MQTT reason 0x${disconnect.toString(16)}`
  return failure === undefined ? '' : ` (${describe(failure)})`
}

function tlsText(code: string, { now, timeQuality }: LinkEnd): string {
  const time = `the gateway's time is ${new Date(now).toISOString()}, ${timeQuality}`
  if (code === 'CERT_NOT_YET_VALID') return `the broker's certificate is not valid yet (${code}); ${time}. Set the clock, or start the time service, before anything else`
  if (code === 'CERT_HAS_EXPIRED') return `the broker's certificate has expired (${code}); ${time}. If that is right, the city must renew it; if not, set the clock`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'HOSTNAME_MISMATCH') return `the broker's certificate is for another host (${code}); write the host name as it stands in the certificate`
  if (code.includes('ALERT')) return `the broker refused the TLS handshake (${code}); most likely it does not accept the gateway's certificate: check "cert" and "key", and that they are not expired (${time})`
  if (/UNSUPPORTED_PROTOCOL|WRONG_VERSION|VERSION_TOO_LOW|EPROTO/.test(code)) return `the broker speaks no TLS 1.2 or later on this port (${code}); check port and mqtts://`
  return `the broker's certificate is not trusted (${code}); set "ca" to its authority's PEM file`
}
