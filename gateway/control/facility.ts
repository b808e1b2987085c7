import type { ServerResponse } from 'node:http'
import type { EpochMs, Label } from '../contract/index.ts'

/** A door, as the rules room tells it. */
export interface DoorAnswer {
  readonly id: string
  readonly name: Label
  readonly place?: string
  readonly contact: 'unknown' | 'closed' | 'open'
  readonly openSince?: EpochMs
  readonly lock?: 'unknown' | 'locked' | 'unlocked'
  readonly conditions: readonly string[]
  readonly fire: boolean
  readonly lost: readonly string[]
  readonly today: Readonly<Record<string, number>>
  readonly recent: readonly { readonly at: EpochMs; readonly result: string }[]
}

/** A terminal. `hours`: milliseconds in each condition, the present hour first. */
export interface KioskAnswer {
  readonly id: string
  readonly name: Label
  readonly place?: string
  readonly device: string
  readonly condition: string
  readonly since?: EpochMs
  readonly why: readonly string[]
  readonly hours: readonly { readonly from: EpochMs; readonly ms: Readonly<Record<string, number>> }[]
  readonly sessions: { readonly count: number; readonly items: Readonly<Record<string, number>>; readonly results: Readonly<Record<string, number>> }
}

/** What the control socket needs of the doors and terminals. */
export interface FacilityPort {
  doors(): readonly DoorAnswer[]
  kiosks(): readonly KioskAnswer[]
}

/** `/doors` and `/kiosks`; false for another path. */
export function answerFacility({ doors, kiosks }: FacilityPort, url: string | undefined, response: ServerResponse): boolean {
  const answer = url === '/doors' ? doors() : url === '/kiosks' ? kiosks() : null
  if (!answer) return false
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  return true
}
