import { isDeepStrictEqual } from 'node:util'
import type { ChangeLine, ChangePlan, ConnectionConfig, DeviceConfig, PointConfig } from '../../gateway/contract/index.ts'
import { isObject, type PlainObject } from '../site/plain.ts'
import { cityWords } from './city-words.ts'
import { fieldsBetween, idOf } from './compare.ts'
import { keptConnections } from './kept.ts'
import { risksOf } from './risks.ts'
import { staffWords } from './staff-words.ts'
import type { SiteVersion } from './version.ts'

/** What `after` would change of what runs. Pure; both were checked. */
export function planChange(before: SiteVersion, after: SiteVersion): ChangePlan {
  const lines = [...sectionLines(before, after), ...connectionLines(before, after), ...deviceLines(before, after)]
  const [old, now] = [before.site.connections, after.site.connections]
  const kept = keptConnections(old, now)
  const [oldIds, newIds] = [ids(old), ids(now)]
  const connections = {
    kept, restarted: newIds.filter((id) => oldIds.includes(id) && !kept.includes(id)), opened: newIds.filter((id) => !oldIds.includes(id)), closed: oldIds.filter((id) => !newIds.includes(id)),
  }
  const facts = { before, after, lines }
  return { same: lines.length === 0, lines, connections, city: lines.length === 0 ? [] : cityWords(facts), staff: lines.length === 0 ? [] : staffWords(facts, connections), risks: risksOf(facts), warnings: after.site.warnings }
}

const ids = (entries: readonly { readonly id: string }[]): readonly string[] => entries.map(({ id }) => id)
/** Told with their points, further down. */
const apart = new Set(['connections', 'devices', 'linli'])

/** Rules, doors, people, uplinks, console, … as the file writes them: what they became holds compiled expressions. */
function sectionLines(before: SiteVersion, after: SiteVersion): readonly ChangeLine[] {
  const names = [...new Set([...Object.keys(before.root), ...Object.keys(after.root)])].filter((name) => !apart.has(name))
  return names.flatMap((area) => {
    const [old, now] = [before.root[area], after.root[area]]
    if (Array.isArray(old) || Array.isArray(now)) return listLines(area, [old, parsed(before, area)], [now, parsed(after, area)])
    const fields = isDeepStrictEqual(parsed(before, area), parsed(after, area)) ? [] : fieldsBetween(old ?? {}, now ?? {})
    return fields.length === 0 ? [] : [{ area, id: '', what: 'changed' as const, fields }]
  })
}

/** What the file's key became. */
function parsed({ site }: SiteVersion, area: string): unknown {
  const all = { ...(isObject(site.decisions) ? site.decisions : {}), site: site.site, store: site.store, journal: site.journal, ledger: site.ledger, history: site.history, events: site.events, console: site.console, photos: site.photos, places: site.places, control: site.control, log: site.log, streams: site.streams, uplinks: site.uplinks }
  return (all as Readonly<Record<string, unknown>>)[area]
}

interface Entry { readonly raw: unknown; readonly made: unknown }
function entriesOf(raw: unknown, made: unknown): Map<string, Entry> {
  const list = Array.isArray(raw) ? raw : []
  return new Map(list.map((entry, index) => [idOf(entry) ?? `${index + 1}`, { raw: entry, made: Array.isArray(made) ? made[index] : undefined }]))
}

function listLines(area: string, [oldRaw, oldMade]: readonly [unknown, unknown], [newRaw, newMade]: readonly [unknown, unknown]): readonly ChangeLine[] {
  const [old, now] = [entriesOf(oldRaw, oldMade), entriesOf(newRaw, newMade)]
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((id): ChangeLine[] => {
    const [a, b] = [old.get(id), now.get(id)]
    if (!a || !b) return [{ area, id, what: a ? 'removed' : 'added', ...nameOf((a ?? b)!.made), fields: fieldsBetween(a?.raw ?? {}, b?.raw ?? {}).filter(({ path }) => path !== 'id') }]
    const fields = a.made !== undefined && isDeepStrictEqual(a.made, b.made) ? [] : fieldsBetween(a.raw, b.raw)
    return fields.length === 0 ? [] : [{ area, id, what: 'changed', ...nameOf(b.made), fields }]
  })
}

function nameOf(entry: unknown): Pick<ChangeLine, 'name'> {
  const found = isObject(entry) ? entry.name ?? entry.title : undefined
  return isObject(found) && typeof found.zh === 'string' && typeof found.en === 'string' ? { name: { zh: found.zh, en: found.en } } : {}
}

function connectionLines(before: SiteVersion, after: SiteVersion): readonly ChangeLine[] {
  const settings = ({ driver, settings: own }: ConnectionConfig): object => ({ driver, ...(isObject(own) ? own : {}) })
  const [old, now] = [new Map(before.site.connections.map((each) => [each.id, each])), new Map(after.site.connections.map((each) => [each.id, each]))]
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((id): ChangeLine[] => {
    const [a, b] = [old.get(id), now.get(id)]
    const written = fieldsBetween(rawEntry(before.root, 'connections', id), rawEntry(after.root, 'connections', id))
    if (!a || !b) return [{ area: 'connections', id, what: a ? 'removed' : 'added', fields: written.filter(({ path }) => path !== 'id') }]
    const fields = isDeepStrictEqual(settings(a), settings(b)) ? [] : orElse(written, () => fieldsBetween(settings(a), settings(b)))
    return fields.length === 0 ? [] : [{ area: 'connections', id, what: 'changed', fields }]
  })
}

/** As written, where that tells it; a changed profile shows only in what became of it. */
const orElse = <T>(written: readonly T[], made: () => readonly T[]): readonly T[] => (written.length > 0 ? written : made())

function rawEntry(root: PlainObject, list: string, id: string): PlainObject {
  const entries = root[list]
  return (Array.isArray(entries) ? entries.filter(isObject).find((entry) => entry.id === id) : undefined) ?? {}
}

function deviceLines(before: SiteVersion, after: SiteVersion): readonly ChangeLine[] {
  const devices = ({ site }: SiteVersion): Map<string, DeviceConfig> => new Map(site.connections.flatMap((connection) => connection.devices).map((each) => [each.id, each]))
  const [old, now] = [devices(before), devices(after)]
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((id): ChangeLine[] => {
    const [a, b] = [old.get(id), now.get(id)]
    if (!a || !b) return [wholeDevice((a ?? b)!, a ? 'removed' : 'added')]
    const [rawOld, rawNew] = [rawEntry(before.root, 'devices', id), rawEntry(after.root, 'devices', id)]
    const own = isDeepStrictEqual(withoutPoints(a), withoutPoints(b)) ? [] : orElse(fieldsBetween({ ...rawOld, points: undefined }, { ...rawNew, points: undefined }), () => fieldsBetween(withoutPoints(a), withoutPoints(b)))
    return [...(own.length === 0 ? [] : [{ area: 'devices', id, name: b.name, what: 'changed' as const, fields: own }]), ...pointLines([a, rawOld], [b, rawNew])]
  })
}

const withoutPoints = ({ points: _, ...rest }: DeviceConfig): object => rest

function wholeDevice({ id, name, connectionId, profile, points }: DeviceConfig, what: 'added' | 'removed'): ChangeLine {
  const facts = { connection: connectionId, ...(profile === undefined ? {} : { profile }), points: points.map((point) => shortId(point)).join(', ') }
  return { area: 'devices', id, name, what, fields: what === 'added' ? fieldsBetween({}, facts) : fieldsBetween(facts, {}) }
}

const shortId = ({ id, deviceId }: PointConfig): string => id.slice(deviceId.length + 1)

function pointLines([a, rawOld]: readonly [DeviceConfig, PlainObject], [b, rawNew]: readonly [DeviceConfig, PlainObject]): readonly ChangeLine[] {
  const [old, now] = [new Map(a.points.map((point) => [point.id, point])), new Map(b.points.map((point) => [point.id, point]))]
  const written = (root: PlainObject, point: PointConfig): unknown => (isObject(root.points) ? root.points[shortId(point)] : undefined) ?? {}
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((id): ChangeLine[] => {
    const [from, to] = [old.get(id), now.get(id)]
    if (!from || !to) { const point = (from ?? to)!; return [{ area: 'points', id, name: point.name, what: from ? 'removed' : 'added', fields: [] }] }
    if (isDeepStrictEqual(from, to)) return []
    return [{ area: 'points', id, name: to.name, what: 'changed', fields: orElse(fieldsBetween(written(rawOld, from), written(rawNew, to)), () => fieldsBetween(from, to)) }]
  })
}
