import type { Found } from '../../../drivers/opcua/browse.ts'
import type { Link } from '../../../drivers/opcua/link.ts'
import { opcuaSchemas, parseNode, securityPolicies, type OpcuaConnection } from '../../../drivers/opcua/schema.ts'
import { ConfigError, createLog, readSecret, systemClock as clock } from '../../kit/index.ts'
import { paint, print, printJson, stopSignal, table } from '../output.ts'

export interface OpcuaProbeOptions { readonly username?: string; readonly security: string; readonly sign?: boolean; readonly pki?: string; readonly timeout: number; readonly depth: number; readonly count: number; readonly json?: boolean }

const usage = 'write: endpoints | browse [NODE] | read NODE… | trust'
/** An environment variable, no error code. */
const passwordVariable = `OPCUA_PASSWORD`

/** `linli probe opcua`: what a server offers, its tree, its values, and trusting its certificate. The library loads only here. */
export async function probeOpcua(target: string, words: readonly string[], options: OpcuaProbeOptions): Promise<void> {
  const settings = settingsOf(target, options)
  const signal = stopSignal()
  const [verb, ...rest] = words
  if (verb === 'endpoints') return await endpoints(settings, options, signal)
  if (verb === 'trust') return await trust(settings, options, signal)
  if (verb === 'browse') return await withLink(settings, signal, (link) => browse(link, rest[0], options))
  if (verb === 'read' && rest.length > 0) return await withLink(settings, signal, (link) => read(link, rest, options))
  throw new ConfigError('PROBE_USAGE', verb === undefined || verb === 'read' ? usage : `"${verb}" is nothing to do; ${usage}`)
}

function settingsOf(target: string, { username, security, sign, pki, timeout }: OpcuaProbeOptions): OpcuaConnection {
  const policy = securityPolicies.find((name) => name.toLowerCase() === security.toLowerCase())
  const parsed = opcuaSchemas.connection.safeParse({
    endpoint: target.includes('://') ? target : `opc.tcp://${target}`, security: policy ?? security, encrypt: !sign, timeout: `${timeout}ms`, connectTimeout: `${timeout}ms`,
    ...(pki === undefined ? {} : { pki }), ...(username === undefined ? {} : { username, password: { env: passwordVariable } }),
  })
  if (!parsed.success) throw new ConfigError('PROBE_USAGE', parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '))
  return parsed.data as OpcuaConnection
}

const kit = { clock, readSecret, get log() { return createLog({ level: 'error' }) } }

async function withLink(settings: OpcuaConnection, signal: AbortSignal, work: (link: Link) => Promise<void>): Promise<void> {
  const { openLink } = await import('../../../drivers/opcua/link.ts')
  const link = await openLink('probe', settings, kit, signal)
  try { await work(link) } finally { await link.close(true) }
}

type Discovery = typeof import('../../../drivers/opcua/discovery.ts')
interface Offered { readonly pki: Awaited<ReturnType<Discovery['openPki']>>; readonly found: Awaited<ReturnType<Discovery['discover']>>; readonly library: Discovery }

async function withOffers(settings: OpcuaConnection, signal: AbortSignal, work: (offered: Offered) => Promise<void>): Promise<void> {
  const library = await import('../../../drivers/opcua/discovery.ts')
  library.quiet(kit.log)
  const pki = await library.openPki(settings.pki, kit)
  try {
    await work({ pki, library, found: await library.discover(settings, pki, clock, signal) })
  } catch (error) {
    throw library.reachable(error, 'probe', settings)
  } finally {
    await pki.close()
  }
}

const endpoints = (settings: OpcuaConnection, { json }: OpcuaProbeOptions, signal: AbortSignal): Promise<void> => withOffers(settings, signal, async ({ found, library }) => {
  const rows = found.map(library.summaryOf)
  if (json) return printJson(rows)
  print(table([['SECURITY', 'MODE', 'LOGINS', 'URL', 'CERTIFICATE'], ...rows.map(({ security, mode, logins, url, thumbprint }) => [security, mode, logins.join(' '), url, thumbprint ?? '-'])]))
})

const trust = (settings: OpcuaConnection, { json }: OpcuaProbeOptions, signal: AbortSignal): Promise<void> => withOffers(settings, signal, async ({ found, library, pki }) => {
  const trusted = await library.trustServer(settings, pki, found)
  if (json) return printJson({ ...trusted, own: pki.certificateFile })
  print(`trusted: ${trusted.subject}\nthumbprint ${trusted.thumbprint}, valid to ${trusted.validTo}\ncompare the thumbprint with the one the server shows; to take it back, remove the file from ${trusted.folder}`)
  print(`the server must accept the gateway's certificate too: ${pki.certificateFile}`)
})

async function browse(link: Link, start: string | undefined, { depth, count, json }: OpcuaProbeOptions): Promise<void> {
  const { browseTree } = await import('../../../drivers/opcua/browse.ts')
  const { found, more } = await browseTree(link.session, start === undefined ? null : await nodeOn(link, start), { depth, count })
  if (json) return printJson({ nodes: found, more })
  print(table(found.map(line)))
  if (more) print(paint('yellow', `there is more: give a NODE, or raise --depth (${depth}) or --count (${count})`))
}

function line({ depth, name, node, dataType, value, quality, writable }: Found): string[] {
  const indented = `${'  '.repeat(depth - 1)}${name}`
  if (dataType === undefined) return [paint('bold', indented), node]
  return [indented, node, dataType, quality === 'good' ? JSON.stringify(value) : paint('red', quality ?? ''), writable ? 'writable' : '']
}

async function read(link: Link, texts: readonly string[], { json }: OpcuaProbeOptions): Promise<void> {
  const { said } = await import('../../../drivers/opcua/browse.ts')
  const { valueOf } = await import('../../../drivers/opcua/nodes.ts')
  const nodes = await Promise.all(texts.map((text) => nodeOn(link, text)))
  const values = await link.session.read(nodes.map(valueOf), 0)
  const rows = values.map((data, index) => ({ node: texts[index]!, ...said(data) }))
  if (json) return printJson(rows)
  print(table([['NODE', 'TYPE', 'VALUE', 'QUALITY', 'SOURCE TIME'], ...rows.map(({ node, dataType, value, quality, at }) => [node, dataType, JSON.stringify(value), quality, at ?? '-'])]))
}

async function nodeOn(link: Link, text: string) {
  const { namespacesOf, nodeOf } = await import('../../../drivers/opcua/nodes.ts')
  if (!parseNode(text)) throw new ConfigError('PROBE_USAGE', `"${text}" is no node id; write ns=2;s=Name, ns=2;i=1001 or nsu=http://…;s=Name`)
  const uris = await namespacesOf(link.session)
  const node = nodeOf(text, uris)
  if (!node) throw new ConfigError('PROBE_USAGE', `the server does not know the namespace of "${text}"; it has ${uris.join(', ')}`)
  return node
}
