import { lookup } from 'node:dns/promises'
import { isIPv4 } from 'node:net'
import { isPrivate } from '../../../drivers/modbus/scan/tcp-range.ts'
import { opcuaSchemas, type OpcuaConnection } from '../../../drivers/opcua/schema.ts'
import type { FoundServer } from '../../../drivers/opcua/scan.ts'
import { ConfigError, createLog, DriverError, readSecret, systemClock as clock } from '../../kit/index.ts'

export interface ServerQuestion { readonly timeout: number; readonly pki?: string | undefined; readonly anyNetwork?: boolean | undefined }

export const opcuaKit = { clock, readSecret, get log() { return createLog({ level: 'error' }) } }

/** Which servers are at an address and what they offer; no session is opened. Throws ConfigError PROBE_USAGE, DriverError SCAN_RANGE and the driver's own. */
export async function serversAt(target: string, options: ServerQuestion, signal: AbortSignal): Promise<readonly FoundServer[]> {
  const settings = settingsOf(target, options)
  await assertPrivate(settings.endpoint, options.anyNetwork === true)
  const { findServers } = await import('../../../drivers/opcua/scan.ts')
  return findServers(settings, opcuaKit, signal)
}

function settingsOf(target: string, { timeout, pki }: ServerQuestion): OpcuaConnection {
  const [, host, port] = /^([^:/]+)(?::(\d+))?$/.exec(target) ?? []
  const endpoint = target.includes('://') ? target : `opc.tcp://${host ?? target}:${port ?? 4840}`
  const parsed = opcuaSchemas.connection.safeParse({ endpoint, security: 'None', timeout: `${timeout}ms`, connectTimeout: `${timeout}ms`, ...(pki === undefined ? {} : { pki }) })
  if (!parsed.success) throw new ConfigError('PROBE_USAGE', parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '))
  return parsed.data as OpcuaConnection
}

/** Judged after the name is resolved. */
async function assertPrivate(url: string, anyNetwork: boolean): Promise<void> {
  if (anyNetwork) return
  const { hostname } = new URL(url.replace(/^opc\.tcp:/, 'http:'))
  const addresses = isIPv4(hostname) ? [hostname] : (await lookup(hostname, { all: true }).catch(() => [])).map(({ address }) => address)
  const outside = addresses.find((address) => !isPrivate(address) && !/^(::1|f[cd]|fe80:)/i.test(address))
  if (outside !== undefined) throw new DriverError('SCAN_RANGE', `${url}: ${outside} is not of a private network; a scan stays in the building unless it is told --any-network`)
}
