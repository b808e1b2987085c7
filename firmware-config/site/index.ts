import path from 'node:path'
import type { z } from 'zod'
import type { ConnectionConfig, Facility } from '../../gateway/contract/index.ts'
import { check, unknownKey } from './check.ts'
import { facilityOf, isWhole, listsOf, readDecisions, reviewDecisions } from './decisions.ts'
import { joinConnections, readConnections, readDevices } from './devices.ts'
import { placeConnectionFiles, placeFiles } from './place-files.ts'
import { isObject, type PlainObject } from './plain.ts'
import { currentVersion } from './migrations/index.ts'
import { Problems, type Report } from './problems.ts'
import { ProfileLibrary, shippedProfiles } from './profile-library.ts'
import { reportConfiguration, reportDuplicates, reportEffects, reportGrid, reportOverlappingPorts, reportReviews, reportStreams } from './references.ts'
import type { DecisionSchemas, RoomSchemas } from './room-schemas.ts'
import { lists, sections, streamSchema, type ListName } from './schema.ts'
import { parseSiteText, readSiteText } from './site-text.ts'

export { SiteError, type SiteProblem } from './problems.ts'
export { siteJsonSchema } from './json-schema.ts'
export { rawRange } from './profile-address-lint.ts'
export { lintProfile, type LintedProfile } from './profile-lint.ts'
export { ProfileLibrary, shippedProfiles } from './profile-library.ts'
export { reportGrid } from './references.ts'
export type { DecisionSchemas, OpenDecisions, RoomSchemas } from './room-schemas.ts'

export interface LoadOptions {
  /** Changes the plain values before they are checked, as the demo does with ports and paths. */
  override?(raw: unknown): unknown
  /** A folder of profiles that go before the site's own and the shipped ones. */
  readonly profiles?: string
  /** Checked in place of what the file holds: a change before it is written. */
  readonly text?: string
}

/** A checked site file, frozen. Paths are absolute, durations milliseconds. */
export interface SiteConfig<Decisions = unknown, Uplink = unknown> {
  readonly file: string
  readonly site: z.output<typeof sections.site>
  readonly store: { readonly path: string }
  readonly journal: z.output<typeof sections.journal>
  readonly ledger: z.output<typeof sections.ledger>
  readonly history: z.output<typeof sections.history>
  readonly events: z.output<typeof sections.events>
  readonly console: z.output<typeof sections.console>
  readonly photos: z.output<typeof sections.photos>
  readonly places: z.output<typeof sections.places>
  readonly control: { readonly socket: string }
  readonly log: z.output<typeof sections.log>
  readonly connections: readonly ConnectionConfig[]
  /** Its points, devices and places, as decisions see them. */
  readonly facility: Facility
  /** The keys of the rules room: rules, doors, alerts, … */
  readonly decisions: Decisions
  /** What works but will not please. */
  readonly warnings: readonly string[]
  readonly streams: readonly z.output<typeof streamSchema>[]
  readonly uplinks: readonly Uplink[]
}

/** The kernel's limit for the name of a Unix socket. */
const maxSocketPath = 107

type Decided<D extends DecisionSchemas> = { readonly [K in keyof D]: z.output<D[K]> }

/** Throws SiteError with every problem at once, and nothing else. */
export async function loadSite<D extends DecisionSchemas, Uplink extends z.ZodType>(file: string, rooms: RoomSchemas<D, Uplink>, options: LoadOptions = {}): Promise<SiteConfig<Decided<D>, z.output<Uplink>>> {
  const problems = new Problems()
  const document = options.text === undefined ? await readSiteText(file, problems) : parseSiteText(file, options.text, problems)
  const report = document ? problems.in(document) : () => {}
  const site = document ? await readSite(file, options.override ? options.override(document.value) : document.value, rooms as unknown as RoomSchemas, options, problems, report) : null
  problems.throwIfAny(file)
  const old = document?.older === undefined ? [] : [`${file} is of version ${document.older} and is read as version ${currentVersion}; linli migrate ${file} writes it so, and keeps the old one`]
  return deepFreeze({ ...site!, warnings: [...old, ...site!.warnings] }) as SiteConfig<Decided<D>, z.output<Uplink>>
}

async function readSite(file: string, root: unknown, rooms: RoomSchemas, options: LoadOptions, problems: Problems, report: Report): Promise<SiteConfig | null> {
  if (!isObject(root)) { report([], `a site file is a mapping of keys; begin with linli: ${currentVersion}`); return null }
  reportUnknown(root, rooms.decisions, report)
  const section = <T extends z.ZodType>(name: keyof typeof sections, schema: T): z.output<T> | undefined => check(schema, root[name], report, [name])?.data
  section('linli', sections.linli)
  const [site, store, journal] = [section('site', sections.site), section('store', sections.store), section('journal', sections.journal)]
  const [ledger, control, log] = [section('ledger', sections.ledger), section('control', sections.control), section('log', sections.log)]
  const history = section('history', sections.history)
  const events = section('events', sections.events)
  const [page, photos, places] = [section('console', sections.console), section('photos', sections.photos), section('places', sections.places)]
  const entries = Object.fromEntries(lists.map((name) => [name, entriesOf(root, name, report)])) as Record<ListName, readonly unknown[]>

  const folder = path.dirname(path.resolve(file))
  const library = await ProfileLibrary.open([...(options.profiles ? [options.profiles] : []), path.join(folder, 'profiles'), shippedProfiles])
  const connections = readConnections(entries.connections, rooms.drivers, report)
  const connectionIds = entries.connections.flatMap((entry) => (isObject(entry) && typeof entry.id === 'string' ? [entry.id] : []))
  const devices = await readDevices(entries.devices, { connections, connectionIds, drivers: rooms.drivers, library, problems, report })
  const decisions = readDecisions(root, rooms.decisions, report, folder)
  const uplinks = entries.uplinks.flatMap((entry, index) => { const uplink = check(rooms.uplink, entry, report, ['uplinks', index]); return uplink ? [placeFiles(rooms.uplink, uplink.data, folder)] : [] })

  const streams = entries.streams.flatMap((entry, index) => check(streamSchema, entry, report, ['streams', index])?.data ?? [])

  reportDuplicates(root, [...lists, ...listsOf(rooms.decisions, root)], report)
  reportStreams(entries.streams, entries.uplinks, devices, report)
  reportConfiguration(entries.uplinks, report)
  const joined = joinConnections(connections, devices).map((connection) => placeConnectionFiles(connection, rooms.drivers, folder))
  // A device that could not be read would make every rule on it look wrong.
  const warnings: string[] = []
  const facility = facilityOf(joined, rooms.drivers, site?.timezone ?? 'UTC')
  if (devices.length === entries.devices.length) {
    warnings.push(...reviewDecisions(rooms, decisions, facility, report))
    reportEffects(devices, report)
  }
  reportOverlappingPorts(connections, rooms.drivers, report)
  reportReviews(joined, rooms.drivers, devices, report)
  if (site?.grid) reportGrid(site.grid, site.region, report)
  if (!site || !store || !journal || !ledger || !history || !events || !page || !photos || !places || !control || !log || !isWhole(decisions)) return null
  const storePath = path.resolve(folder, store.path)
  const socket = control.socket ? path.resolve(folder, control.socket) : path.join(storePath, 'linli.sock')
  if (Buffer.byteLength(socket) > maxSocketPath) report(control.socket ? ['control', 'socket'] : ['store', 'path'], `the control socket ${socket} has more than ${maxSocketPath} bytes; set control.socket to a shorter path`)
  return { file, site, store: { path: storePath }, journal, ledger, history, events, console: placeTls(page, folder), photos, places, control: { socket }, log, connections: joined, facility: { ...facility, places: new Map(Object.entries(places)) }, decisions, warnings, streams, uplinks }
}

const placeTls = ({ tls, ...page }: SiteConfig['console'], folder: string): SiteConfig['console'] => ({ ...page, ...(tls ? { tls: tls === 'site-ca' ? tls : { cert: path.resolve(folder, tls.cert), key: path.resolve(folder, tls.key) } } : {}) })

function reportUnknown(root: PlainObject, decisions: DecisionSchemas, report: Report): void {
  const known = [...Object.keys(sections), ...lists, ...Object.keys(decisions)]
  for (const key of Object.keys(root)) if (!known.includes(key)) report([key], () => unknownKey(key, known), 'key')
}

function entriesOf(root: PlainObject, name: ListName, report: Report): readonly unknown[] {
  const value = root[name]
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value
  report([name], 'expected a list: one "-" for each entry')
  return []
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const item of Object.values(value)) deepFreeze(item)
  }
  return value
}
