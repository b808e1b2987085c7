import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { UserTokenType } from 'node-opcua-client'
import type { ClientSession, EndpointDescription, OPCUAClient, UserIdentityInfo } from 'node-opcua-client'
import type { DriverKit } from '../../gateway/contract/index.ts'
import { describe, DriverError } from '../../gateway/kit/index.ts'
import { atMost, within } from './deadline.ts'
import { chosen, clientOf, closeMs, discover, quiet, reachable, securityOf } from './discovery.ts'
import { checkServer, openPki, type Pki } from './pki.ts'
import type { OpcuaConnection } from './schema.ts'
import { bare } from './status.ts'

/** A secure channel with one session on it. */
export interface Link {
  readonly client: OPCUAClient
  readonly session: ClientSession
  readonly endpoint: EndpointDescription
  readonly pki: Pki
  /** When the server's certificate ends; null without security. */
  readonly serverUntil: number | null
  /** Ends session and channel; never throws, and never waits long for a server that is gone. */
  close(alive: boolean): Promise<void>
}


/** Discovers, checks the server's certificate, opens a channel and one session. Throws DriverError OPCUA_*; nothing stays open. */
export async function openLink(id: string, settings: OpcuaConnection, kit: Pick<DriverKit, 'clock' | 'log' | 'readSecret'>, signal: AbortSignal): Promise<Link> {
  quiet(kit.log)
  const identity = await identityOf(settings, kit)
  const pki = await openPki(settings.pki, kit)
  try {
    const endpoint = chosen(id, settings, await discover(settings, pki, kit.clock, signal))
    if (settings.security !== 'None') await checkServer(pki, { endpoint: settings.endpoint, certificate: endpoint.serverCertificate, trust: settings.trust, connectionId: id }, kit.log)
    return await openSession(settings, { kit, pki, endpoint, identity, signal })
  } catch (error) {
    await pki.close()
    throw signal.aborted ? signal.reason : reachable(error, id, settings)
  }
}

interface SessionParts { readonly kit: Pick<DriverKit, 'clock'>; readonly pki: Pki; readonly endpoint: EndpointDescription; readonly identity: UserIdentityInfo; readonly signal: AbortSignal }

async function openSession(settings: OpcuaConnection, { kit: { clock }, pki, endpoint, identity, signal }: SessionParts): Promise<Link> {
  const secure = settings.security !== 'None'
  const certificate = endpoint.serverCertificate
  const client = clientOf(settings, pki, secure ? { ...securityOf(settings), serverCertificate: certificate } : {})
  const disconnect = (): Promise<void> => atMost(clock, closeMs, client.disconnect())
  try {
    signal.throwIfAborted()
    await within(clock, settings.connectTimeout, 'the opening of a secure channel', client.connect(settings.endpoint), signal)
    const session = await within(clock, settings.connectTimeout, 'the opening of a session', client.createSession(identity), signal)
    return {
      client, session, endpoint, pki, serverUntil: secure ? new X509Certificate(certificate).validToDate.getTime() : null,
      async close(alive) {
        if (alive) await atMost(clock, closeMs, session.close(true))
        await disconnect()
        await pki.close()
      },
    }
  } catch (error) {
    await disconnect()
    throw error
  }
}

async function identityOf(settings: OpcuaConnection, { readSecret }: Pick<DriverKit, 'readSecret'>): Promise<UserIdentityInfo> {
  if (settings.username !== undefined) return { type: UserTokenType.UserName, userName: settings.username, password: await readSecret(settings.password!) }
  if (settings.userCertificate === undefined) return { type: UserTokenType.Anonymous }
  try {
    const [certificate, key] = await Promise.all([readFile(settings.userCertificate), readFile(settings.userKey!)])
    return { type: UserTokenType.Certificate, certificateData: new X509Certificate(certificate).raw, privateKey: createPrivateKey(key).export({ type: 'pkcs8', format: 'pem' }) as string }
  } catch (cause) {
    throw new DriverError('OPCUA_CERTIFICATE', `the user certificate ${settings.userCertificate} or its key ${settings.userKey} cannot be read (${describe(cause)}); give PEM files the gateway's user may read`, { cause: bare(cause) })
  }
}
