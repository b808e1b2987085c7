import { lookup } from 'node:dns/promises'
import { isIPv4 } from 'node:net'
import { isPrivate } from '../../../drivers/modbus/scan/tcp-range.ts'
import { opcuaSchemas, type OpcuaConnection } from '../../../drivers/opcua/schema.ts'
import type { FoundServer } from '../../../drivers/opcua/scan.ts'
import { codeOf, ConfigError, createLog, describe, DriverError, readSecret, systemClock as clock } from '../../kit/index.ts'
import { paint, print, printJson, stopSignal, table } from '../output.ts'
import { progressBar } from '../progress.ts'

export interface OpcuaScanOptions { readonly timeout: number; readonly pki?: string; readonly anyNetwork?: boolean; readonly json?: boolean }

const mostUrls = 64
const kit = { clock, readSecret, get log() { return createLog({ level: 'error' }) } }

/** `linli scan opcua URL…`: which servers are there and what they offer; opens no session. Only the given addresses are asked. */
export async function scanOpcua(targets: readonly string[], options: OpcuaScanOptions): Promise<void> {
  const signal = stopSignal()
  if (targets.length > mostUrls) throw new ConfigError('PROBE_USAGE', `${targets.length} addresses; at most ${mostUrls}`)
  const found: FoundServer[] = []
  const failed: { readonly url: string; readonly code: string; readonly text: string }[] = []
  const bar = progressBar('scan')
  for (const [index, target] of targets.entries()) {
    if (signal.aborted) break
    bar.show(index / targets.length)
    const settings = settingsOf(target, options)
    try {
      await assertPrivate(settings.endpoint, options.anyNetwork === true)
      const { findServers } = await import('../../../drivers/opcua/scan.ts')
      found.push(...await findServers(settings, kit, signal))
    } catch (error) {
      failed.push({ url: settings.endpoint, code: codeOf(error), text: describe(error) })
    }
  }
  bar.done()
  if (found.length === 0 && failed.length > 0) process.exitCode = 1
  if (options.json) return printJson({ found, failed })
  for (const { url, name, product, urls, endpoints } of found) {
    print(`${paint('bold', url)}  ${name}  ${product}${urls.length > 0 ? `\n  known as ${urls.join(', ')}` : ''}`)
    if (endpoints.length > 0) print(table([['  SECURITY', 'MODE', 'LOGINS'], ...endpoints.map(({ security, mode, logins }) => [`  ${security}`, mode, logins.join(' ')])]))
    print(`  next: linli probe opcua ${url} browse, then a connection in the site file: { id: …, driver: opcua, endpoint: "${url}" }`)
  }
  for (const { code, text } of failed) print(paint('yellow', `${code} ${text}`))
}

function settingsOf(target: string, { timeout, pki }: OpcuaScanOptions): OpcuaConnection {
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
