import { X509Certificate } from 'node:crypto'
import { LogLevel, MessageSecurityMode, OPCUAClient, SecurityPolicy, setErrorLogger, setLogLevel, setWarningLogger, UserTokenType } from 'node-opcua-client'
import type { EndpointDescription, OPCUAClientOptions } from 'node-opcua-client'
import type { Clock, DriverKit } from '../../gateway/contract/index.ts'
import { codeOf, describe, DriverError } from '../../gateway/kit/index.ts'
import { atMost, within } from './deadline.ts'
import { leafOf, thumbprintOf, type Pki } from './pki.ts'
import type { OpcuaConnection } from './schema.ts'
import { bare, statusNameOf } from './status.ts'

export { openPki } from './pki.ts'

/** Closing never waits longer for a server that is gone. */
export const closeMs = 1_500
const policyName = (uri: string | null): string => uri?.split('#')[1] ?? '?'

/** What the settings ask for, in the library's words. */
export function securityOf({ security, encrypt }: Pick<OpcuaConnection, 'security' | 'encrypt'>): { readonly securityMode: MessageSecurityMode; readonly securityPolicy: SecurityPolicy } {
  const securityMode = security === 'None' ? MessageSecurityMode.None : encrypt ? MessageSecurityMode.SignAndEncrypt : MessageSecurityMode.Sign
  return { securityMode, securityPolicy: SecurityPolicy[security] }
}

/** The library writes to stdout by itself, for the whole process; here it goes to the log, as detail. */
export function quiet(log: DriverKit['log']): void {
  setLogLevel(LogLevel.Warning)
  // Words only: an object may be a request with a login in it.
  const tell = (_context: unknown, ...words: unknown[]): void => log.debug({ library: 'node-opcua' }, words.filter((word) => typeof word === 'string' || typeof word === 'number').join(' ').slice(0, 500))
  setWarningLogger(tell)
  setErrorLogger(tell)
}

/** The endpoints a server offers, asked without security; anybody may. */
export async function discover(settings: Pick<OpcuaConnection, 'endpoint' | 'connectTimeout' | 'timeout'>, pki: Pki, clock: Clock, signal: AbortSignal): Promise<readonly EndpointDescription[]> {
  const client = clientOf(settings, pki, {})
  try {
    signal.throwIfAborted()
    await within(clock, settings.connectTimeout, 'the connection', client.connect(settings.endpoint), signal)
    return await within(clock, settings.timeout, 'the question for its endpoints', client.getEndpoints(), signal)
  } finally {
    await atMost(clock, closeMs, client.disconnect())
  }
}

/** A client that opens one channel and never repairs it by itself. */
export function clientOf(settings: Pick<OpcuaConnection, 'connectTimeout'> & Partial<OpcuaConnection>, pki: Pki, options: OPCUAClientOptions): OPCUAClient {
  return OPCUAClient.create({
    applicationName: 'Linli', clientName: 'linli', applicationUri: pki.applicationUri, clientCertificateManager: pki.manager, certificateFile: pki.certificateFile,
    // The supervisor opens again, with back-off and one session: the library's own repair makes a server that restarts a server that is flooded.
    connectionStrategy: { maxRetry: 0, initialDelay: 100, maxDelay: 100 },
    // Sessions are closed by name, with a deadline; the library would wait for each.
    keepPendingSessionsOnDisconnect: true, keepSessionAlive: false, endpointMustExist: false,
    transportTimeout: settings.connectTimeout,
    ...(settings.sessionTimeout === undefined ? {} : { requestedSessionTimeout: settings.sessionTimeout }),
    ...options,
  })
}

const wantedToken = (settings: OpcuaConnection): UserTokenType =>
  (settings.username !== undefined ? UserTokenType.UserName : settings.userCertificate !== undefined ? UserTokenType.Certificate : UserTokenType.Anonymous)

/** What the server offers for the asked security and login. Throws DriverError OPCUA_SECURITY_UNAVAILABLE or OPCUA_LOGIN_UNAVAILABLE, with what there is. */
export function chosen(id: string, settings: OpcuaConnection, endpoints: readonly EndpointDescription[]): EndpointDescription {
  const { securityMode, securityPolicy } = securityOf(settings)
  const offers = [...new Set(endpoints.map(offerOf))].join(', ')
  const fitting = endpoints.filter((endpoint) => endpoint.securityMode === securityMode && endpoint.securityPolicyUri === securityPolicy)
  if (fitting.length === 0) {
    throw new DriverError('OPCUA_SECURITY_UNAVAILABLE', `connection ${id}: ${settings.endpoint} does not offer ${settings.security}${settings.encrypt ? '' : ' (sign only)'}; it offers ${offers || 'nothing'}; set "security" to one of these, or switch it on in the server`, { retriable: true })
  }
  const type = wantedToken(settings)
  const found = fitting.find(({ userIdentityTokens }) => (userIdentityTokens ?? []).some(({ tokenType }) => tokenType === type))
  if (!found) {
    const names = [...new Set(fitting.flatMap(({ userIdentityTokens }) => (userIdentityTokens ?? []).map(({ tokenType }) => UserTokenType[tokenType])))].join(', ')
    throw new DriverError('OPCUA_LOGIN_UNAVAILABLE', `connection ${id}: ${settings.endpoint} takes no login as ${UserTokenType[type]} with ${settings.security}; it takes ${names || 'none'}`, { retriable: true })
  }
  return found
}

/** `Basic256Sha256 (SignAndEncrypt)`. */
export const offerOf = ({ securityMode, securityPolicyUri }: EndpointDescription): string => `${policyName(securityPolicyUri)} (${MessageSecurityMode[securityMode]})`

const loginRefused = new Set(['BadUserAccessDenied', 'BadIdentityTokenRejected', 'BadIdentityTokenInvalid'])
const certificateRefused = new Set(['BadSecurityChecksFailed', 'BadCertificateUntrusted', 'BadCertificateInvalid', 'BadCertificateUriInvalid', 'BadCertificateTimeInvalid', 'BadCertificateUseNotAllowed', 'BadCertificateHostNameInvalid'])
const full = new Set(['BadTooManySessions', 'BadMaxConnectionsReached', 'BadTooManyOperations', 'BadOutOfMemory', 'BadTcpNotEnoughResources'])

/** What a failed opening means for the one who has to mend it. */
export function reachable(error: unknown, id: string, settings: OpcuaConnection): unknown {
  if (error instanceof DriverError && error.code !== 'OPCUA_TIMEOUT') return error
  const status = statusNameOf(error)
  const fail = (code: string, next: string): DriverError => new DriverError(code, `connection ${id}: ${next}`, { cause: bare(error), retriable: true, values: { endpoint: settings.endpoint, status } })
  if (loginRefused.has(status)) return fail('OPCUA_LOGIN_REFUSED', `${settings.endpoint} refuses the login${settings.username === undefined ? '' : ` of ${settings.username}`} (${status}); compare user and password, and the user's rights in the server`)
  if (certificateRefused.has(status)) return fail('OPCUA_CLIENT_UNTRUSTED', `${settings.endpoint} does not trust the gateway's certificate (${status}); accept it in the server's own list of rejected certificates: it is ${settings.pki}/own/certs/client_certificate.pem`)
  if (full.has(status)) return fail('OPCUA_SERVER_FULL', `${settings.endpoint} takes no further session (${status}); close other clients; sessions of a client that died end by themselves`)
  if (codeOf(error) === 'OPCUA_TIMEOUT') return fail('OPCUA_TIMEOUT', `${settings.endpoint}: ${describe(error)}`)
  return fail('OPCUA_CONNECT_FAILED', `no connection to ${settings.endpoint} (${status || systemCodeOf(error) || firstLine(describe(error))}); check host, port, that the server runs, and firewalls between`)
}

/** `ECONNREFUSED`: the library passes it on in its text only. */
const systemCodeOf = (error: unknown): string => /\b(?:ECONN|EHOST|ENET|ENOT|ETIMED|EADDR)[A-Z]+\b/.exec(describe(error))?.[0] ?? ''
const firstLine = (text: string): string => text.trim().split('\n').map((line) => line.trim()).filter((line) => line !== '').slice(0, 3).join(' ')

export interface Offer { readonly security: string; readonly mode: string; readonly logins: readonly string[]; readonly url: string; readonly thumbprint: string | null }

/** An endpoint as an installer reads it. */
export function summaryOf({ securityMode, securityPolicyUri, userIdentityTokens, endpointUrl, serverCertificate }: EndpointDescription): Offer {
  return {
    security: policyName(securityPolicyUri), mode: MessageSecurityMode[securityMode], url: endpointUrl ?? '',
    logins: [...new Set((userIdentityTokens ?? []).map(({ tokenType }) => UserTokenType[tokenType]))],
    thumbprint: serverCertificate?.length > 0 ? thumbprintOf(leafOf(serverCertificate)) : null,
  }
}

/** Puts the server's certificate among the trusted ones. Throws DriverError OPCUA_SECURITY_UNAVAILABLE when it has none. */
export async function trustServer({ endpoint }: Pick<OpcuaConnection, 'endpoint'>, { manager }: Pki, endpoints: readonly EndpointDescription[]): Promise<{ readonly thumbprint: string; readonly subject: string; readonly validTo: string; readonly folder: string }> {
  const found = endpoints.find(({ serverCertificate }) => serverCertificate?.length > 0)
  if (!found) throw new DriverError('OPCUA_SECURITY_UNAVAILABLE', `${endpoint} has no certificate, so there is nothing to trust; switch its security on, or use security None`)
  const leaf = leafOf(found.serverCertificate)
  await manager.trustCertificate(leaf)
  const { subject, validTo } = new X509Certificate(leaf)
  return { thumbprint: thumbprintOf(leaf), subject: subject.replaceAll('\n', ', '), validTo, folder: manager.trustedFolder }
}
