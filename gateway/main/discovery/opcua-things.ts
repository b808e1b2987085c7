import type { Link } from '../../../drivers/opcua/link.ts'
import type { Offer } from '../../../drivers/opcua/discovery.ts'
import type { FoundServer } from '../../../drivers/opcua/scan.ts'
import { opcuaSchemas, securityPolicies, type OpcuaConnection } from '../../../drivers/opcua/schema.ts'
import type { Label, PointConfig } from '../../contract/index.ts'
import type { DiscoveredDevice, DiscoveredNode, DiscoveredValue } from '../../console/discovery.ts'
import { lintProfile, ProfileLibrary, shippedProfiles } from '../../../firmware-config/site/index.ts'
import type { PlainObject } from '../../../firmware-config/site/plain.ts'
import { roomSchemas, type Site } from '../../cli/rooms.ts'
import { codeOf, ConfigError, systemClock as clock } from '../../kit/index.ts'
import { normalise } from '../../normalise.ts'
import { slugOf, type Draft } from './draft.ts'
import { opcuaKit as kit, serversAt } from './opcua.ts'
import type { ReadOrder, Search, Thing } from './thing.ts'

const timeoutMs = 5_000
/** Below the Objects folder; more is chosen with `linli probe opcua`. */
const browsed = { depth: 5, count: 300 } as const
const healthProfile = 'opcua-server'

/** Which servers are there and what they offer; no session is opened yet. */
export async function askServer(search: Search, { connections }: Pick<Site, 'connections'>): Promise<void> {
  const own = connections.filter(({ driver }) => driver === 'opcua').map((each) => ({ ...each, settings: each.settings as OpcuaConnection }))
  // What is trusted is trusted by the connection that will be made of it.
  const pki = own[0]?.settings.pki ?? (opcuaSchemas.connection.parse({ endpoint: 'opc.tcp://x' }) as OpcuaConnection).pki
  const profile = await healthOf()
  for (const server of await serversAt(search.target, { timeout: timeoutMs, anyNetwork: false, pki }, search.signal)) {
    const known = own.find(({ settings }) => settings.endpoint === server.url)
    search.add(server.url + server.uri, new OpcuaThing(server, { pki, profile, known: known?.id ?? null, settings: known?.settings ?? null, watched: known?.devices.some((device) => device.profile === healthProfile) ?? false }))
  }
}

interface Health { readonly label: Label; readonly points: readonly PointConfig<{ readonly node: string; readonly index?: number }>[] }
async function healthOf(): Promise<Health> {
  const library = await ProfileLibrary.open([shippedProfiles])
  const { profile, points } = await lintProfile(library.file(healthProfile)!, roomSchemas.drivers)
  return { label: profile!.name, points: points as Health['points'] }
}

interface OpcuaParts { readonly pki: string; readonly profile: Health; /** The site file has it: its connection, with its own login. */ readonly known: string | null; readonly settings: OpcuaConnection | null; readonly watched: boolean }

class OpcuaThing implements Thing {
  readonly #server: FoundServer
  readonly #parts: OpcuaParts
  readonly #offers: readonly Offer[]
  #chosen: Offer | null
  #values: readonly DiscoveredValue[] | null = null
  #nodes: readonly DiscoveredNode[] = []
  #certificate: DiscoveredDevice['certificate'] = null

  constructor(server: FoundServer, parts: OpcuaParts) {
    this.#server = server
    this.#parts = parts
    this.#offers = server.endpoints.filter(({ security, logins }) => logins.includes('Anonymous') && securityPolicies.some((name) => name === security)).toSorted((a, b) => rank(b) - rank(a))
    this.#chosen = this.#offers[0] ?? null
  }

  view(): Omit<DiscoveredDevice, 'id'> {
    const { name, product, url, urls } = this.#server
    const { profile, known } = this.#parts
    return {
      kind: 'opcua', where: url, setting: this.#chosen ? nameOf(this.#chosen) : null, unitId: null, duplicate: false,
      answers: this.#server.endpoints.map(({ security, mode, logins }) => `${security} ${mode} (${logins.join(', ')})`), says: { name, product, ...(urls.length > 0 ? { 'known as': urls.join(', ') } : {}) },
      model: { profile: healthProfile, name: profile.label, score: 100, why: [] }, like: null, values: this.#values, finding: null, known,
      offers: this.#offers.map(nameOf), certificate: this.#certificate, nodes: this.#values ? this.#nodes : null,
    }
  }

  /** A certificate that nobody trusts yet is no failure: it is shown, compared, and trusted by the next read. */
  async read({ security, trust }: ReadOrder): Promise<void> {
    const offer = security === undefined ? this.#chosen : this.#offers.find((each) => nameOf(each) === security)
    const settings = this.#parts.settings ?? (offer ? this.#settings(offer) : null)
    if (!settings) throw new ConfigError('SCAN_TARGET', `${this.#server.url} lets nobody in without a login; write its connection with username and password into the site file first`)
    if (offer) this.#chosen = offer
    const [{ openLink }, discovery, signal] = [await import('../../../drivers/opcua/link.ts'), await import('../../../drivers/opcua/discovery.ts'), AbortSignal.timeout(timeoutMs * 4)]
    if (trust !== undefined) await trustThis(discovery, settings, trust, signal)
    try {
      const link = await openLink('discovery', settings, kit, signal)
      try { await this.#look(link) } finally { await link.close(true) }
      this.#certificate = null
    } catch (error) {
      if (codeOf(error) !== 'OPCUA_SERVER_UNTRUSTED') throw error
      const { thumbprint } = (error as Error & { readonly values: { readonly thumbprint: string } }).values
      this.#certificate = { thumbprint }
    }
  }

  unread(): string | null { return this.#values?.some(({ value }) => value !== null) ? null : `${this.#server.url} was not read yet; read it before it is saved` }

  add(draft: Draft, key: string, nodes: readonly string[]): void {
    const { known, watched, profile } = this.#parts
    const { url, name } = this.#server
    const chosen = this.#nodes.filter(({ node }) => nodes.includes(node))
    const refuse = (why: string): void => { draft.left.push({ key, unitId: -1, where: url, why }) }
    if (watched && chosen.length === 0) return refuse(`is connection ${known} of the site file already; choose what else of it is to be read`)
    const host = new URL(url.replace(/^opc\.tcp:/, 'http:')).hostname
    const connection = known ?? draft.connection(url, () => this.#connection(draft.freshId(`opcua-${host}`)))
    if (!watched) draft.devices.push({ id: draft.freshId(`${connection}-health`), name: { zh: `${profile.label.zh} ${host}`, en: `${profile.label.en} ${host}` }, connection, profile: healthProfile })
    if (chosen.length > 0) draft.devices.push({ id: draft.freshId(`${connection}-values`), name: { zh: name || host, en: name || host }, connection, points: pointsOf(chosen) })
  }

  #settings({ security, mode }: Offer): OpcuaConnection {
    return opcuaSchemas.connection.parse({ endpoint: this.#server.url, security, encrypt: mode !== 'Sign', timeout: `${timeoutMs}ms`, connectTimeout: `${timeoutMs}ms`, pki: this.#parts.pki }) as OpcuaConnection
  }

  #connection(id: string): PlainObject & { readonly id: string } {
    const { security, mode } = this.#chosen!
    const usual = opcuaSchemas.connection.parse({ endpoint: this.#server.url }) as OpcuaConnection
    return { id, driver: 'opcua', endpoint: this.#server.url, ...(security === usual.security ? {} : { security }), ...(mode === 'Sign' ? { encrypt: false } : {}), ...(this.#parts.pki === usual.pki ? {} : { pki: this.#parts.pki }) }
  }

  async #look({ session }: Link): Promise<void> {
    const [{ browseTree }, { namespacesOf, nodeOf, valueOf }, { sampleOf }] = await Promise.all([import('../../../drivers/opcua/browse.ts'), import('../../../drivers/opcua/nodes.ts'), import('../../../drivers/opcua/values.ts')])
    const { points } = this.#parts.profile
    const uris = await namespacesOf(session)
    const read = await session.read(points.map(({ address }) => valueOf(nodeOf(address.node, uris)!)), 0)
    this.#values = points.map((point, index) => {
      const { value, reason } = normalise(sampleOf(point.id, read[index]!, point.address.index, clock.now()), point, clock.now())
      return { id: point.id.slice(point.id.indexOf('.') + 1), name: point.name, value, ...(point.unit === undefined || point.unit === '1' ? {} : { unit: point.unit }), ...(reason === undefined ? {} : { reason }) }
    })
    const { found } = await browseTree(session, null, browsed)
    this.#nodes = nodesOf(found, uris)
  }
}

/** The usual one first: servers of every maker know it. Then what is strongest; nothing at all comes last. */
function rank({ security, mode }: Offer): number {
  const policy = security === 'Basic256Sha256' ? 10 : securityPolicies.findIndex((name) => name === security)
  return policy * 10 + (mode === 'SignAndEncrypt' ? 2 : mode === 'Sign' ? 1 : 0)
}
const nameOf = ({ security, mode }: Offer): string => (security === 'None' ? 'None' : `${security} ${mode}`)

async function trustThis(discovery: typeof import('../../../drivers/opcua/discovery.ts'), settings: OpcuaConnection, thumbprint: string, signal: AbortSignal): Promise<void> {
  const pki = await discovery.openPki(settings.pki, kit)
  try {
    const offered = await discovery.discover(settings, pki, clock, signal)
    if (!offered.every((each) => [null, thumbprint].includes(discovery.summaryOf(each).thumbprint))) throw new ConfigError('SCAN_TARGET', `${settings.endpoint} shows another certificate than the one that was compared; read it again and compare anew`)
    await discovery.trustServer(settings, pki, offered)
  } catch (error) {
    throw discovery.reachable(error, 'discovery', settings)
  } finally { await pki.close() }
}

type Browsed = Awaited<ReturnType<typeof import('../../../drivers/opcua/browse.ts').browseTree>>['found']
const types: Readonly<Record<string, OpcuaPointType>> = { Boolean: 'boolean', String: 'string', LocalizedText: 'string', DateTime: 'string', Double: 'number', Float: 'number', SByte: 'number', Byte: 'number', Int16: 'number', UInt16: 'number', Int32: 'number', UInt32: 'number', Int64: 'number', UInt64: 'number' }
type OpcuaPointType = 'number' | 'boolean' | 'string'
const mostText = 80

/** Variables of the server's users with a single value, by the names of their namespaces, which survive a renumbering. */
function nodesOf(found: Browsed, uris: readonly string[]): readonly DiscoveredNode[] {
  const way: string[] = []
  return found.flatMap(({ depth, name, node, dataType, value, quality }) => {
    way.splice(depth - 1, Infinity, name)
    const [, index, identifier] = /^ns=(\d+);([^]+)$/.exec(node) ?? []
    const [type, uri] = [types[dataType ?? ''], uris[Number(index)]]
    if (!type || identifier === undefined || index === '0' || uri === undefined || /;/.test(uri)) return []
    const text = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value).slice(0, mostText) : ''
    return [{ node: `nsu=${uri};${identifier}`, name: plain(name), path: way.map(plain).join(' / '), type, value: quality === 'good' ? text : quality ?? '' }]
  })
}
// A server's words go to a page and a file: printable, and not long.
const plain = (text: string): string => text.replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '').slice(0, mostText)

function pointsOf(nodes: readonly DiscoveredNode[]): PlainObject {
  const points: PlainObject = {}
  for (const { name, node, type } of nodes) {
    const base = slugOf(name).slice(0, 40) || 'value'
    let id = base
    for (let n = 2; Object.hasOwn(points, id); n++) id = `${base}-${n}`
    points[id] = { name: { zh: name, en: name }, type, node }
  }
  return points
}
