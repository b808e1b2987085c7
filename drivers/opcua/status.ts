import type { StatusCode } from 'node-opcua-client'
import type { Quality } from '../../gateway/contract/index.ts'
import { GatewayError } from '../../gateway/kit/index.ts'

export interface Verdict { readonly quality: Quality; readonly reason?: string }

const good: Verdict = { quality: 'good' }

/** What an installer does about them is the same within a group; the server's own name for it stands in the device's state. */
const groups: readonly (readonly [reason: string, names: readonly string[]])[] = [
  ['OPCUA_BAD_NODE', ['BadNodeIdUnknown', 'BadNodeIdInvalid', 'BadAttributeIdInvalid', 'BadNodeIdExists']],
  ['OPCUA_BAD_DENIED', ['BadNotReadable', 'BadUserAccessDenied', 'BadSecurityModeInsufficient', 'BadIdentityTokenRejected']],
  ['OPCUA_BAD_NOT_CONNECTED', ['BadNotConnected', 'BadNoCommunication', 'BadCommunicationError', 'BadDisconnect', 'BadConnectionClosed', 'BadServerNotConnected', 'BadTimeout']],
  ['OPCUA_BAD_DEVICE', ['BadDeviceFailure', 'BadSensorFailure', 'BadConfigurationError', 'BadResourceUnavailable']],
  ['OPCUA_BAD_OUT_OF_SERVICE', ['BadOutOfService', 'BadInvalidState', 'BadShutdown']],
  ['OPCUA_BAD_WAITING', ['BadWaitingForInitialData', 'BadWaitingForResponse', 'BadDataUnavailable', 'BadNoData', 'BadNoDataAvailable']],
]
const reasons: ReadonlyMap<string, string> = new Map(groups.flatMap(([reason, names]) => names.map((name) => [name, reason])))

/** Part 4 §7.39.1: the two highest bits are the severity; `11` is not used and is bad. Bad always has a reason of docs/errors.md. */
export function verdictOf(status: StatusCode): Verdict {
  const severity = status.value >>> 30
  if (severity === 0) return good
  const name = plainName(status)
  if (severity === 1) return { quality: 'uncertain', reason: name === 'UncertainLastUsableValue' || name === 'UncertainNoCommunicationLastUsableValue' ? 'OPCUA_UNCERTAIN_OLD' : 'OPCUA_UNCERTAIN' }
  return { quality: 'bad', reason: reasons.get(name) ?? 'OPCUA_BAD_STATUS' }
}

/** Without the info bits that the library appends: `BadNotConnected#Overflow`. */
export const plainName = (status: StatusCode): string => status.name.split('#')[0]!

/**
 * The status name in what the library threw: from the server's answer where there is one, else the `Bad…` word of its text, which is the
 * only place where the library leaves it. Empty when there is none.
 */
export function statusNameOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return ''
  const { statusCode, response } = error as { statusCode?: { name?: string }; response?: { responseHeader?: { serviceResult?: { name?: string } } } }
  const named = statusCode?.name ?? response?.responseHeader?.serviceResult?.name
  if (named && named !== 'Good') return named.split('#')[0]!
  return /\bBad[A-Z]\w+/.exec(error instanceof Error ? error.message : '')?.[0] ?? ''
}

/** The library hangs the whole request on what it throws, a login with its password: only words and stack may go on as a cause. */
export function bare(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof GatewayError) return error
  const out = new Error(error.message.split('\n', 3).join(' ').slice(0, 500))
  if (error.stack) out.stack = error.stack.slice(0, 2_000)
  return out
}
