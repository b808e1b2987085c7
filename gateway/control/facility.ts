import type { ServerResponse } from 'node:http'
import type { DoorView, KioskView } from '../contract/index.ts'

/** What the control socket needs of the doors and terminals. */
export interface FacilityPort {
  doors(): readonly DoorView[]
  kiosks(): readonly KioskView[]
}

/** `/doors` and `/kiosks`; false for another path. */
export function answerFacility({ doors, kiosks }: FacilityPort, url: string | undefined, response: ServerResponse): boolean {
  const answer = url === '/doors' ? doors() : url === '/kiosks' ? kiosks() : null
  if (!answer) return false
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  return true
}
