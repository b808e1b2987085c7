import type { AlertDesk, Clock, ConnectionConfig, Journal, Label, SiteModel, Snapshot } from './contract/index.ts'
import type { LiveValues } from './live.ts'
import type { TimeKeeper } from './time.ts'

interface Facility {
  readonly site: { readonly id: string; readonly region: string; readonly name: Label; readonly grid?: { readonly scheme: string; readonly code: string } | undefined }
  readonly connections: readonly ConnectionConfig[]
}

/** What the city learns about the facility: no addresses, no credentials. */
export function siteModel({ site, connections }: Facility): SiteModel {
  return {
    gateway: site.id, region: site.region, name: site.name,
    ...(site.grid ? { grid: { scheme: site.grid.scheme, code: site.grid.code } } : {}),
    devices: connections.flatMap(({ devices }) => devices).map(({ id, name, profile, place, points }) => ({
      id, name, ...(profile ? { profile } : {}), ...(place ? { place } : {}),
      points: points.map((point) => ({ id: point.id, name: point.name, type: point.type, ...(point.unit ? { unit: point.unit } : {}) })),
    })),
  }
}

export function snapshot(parts: { live: LiveValues; desk: AlertDesk; journal: Journal; time: TimeKeeper; clock: Clock }): Snapshot {
  const { live, desk, journal, time, clock } = parts
  return {
    at: clock.now(), timeQuality: time.quality, heads: journal.heads(),
    values: [...live.readings()].map(({ pointId, value, quality, at }) => ({ point: pointId, value, quality, at })),
    alerts: desk.open().map(({ timeline: _, ...alert }) => alert),
  }
}
