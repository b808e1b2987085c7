import type { ServerResponse } from 'node:http'
import type { Clock, Maintenance, Modes } from '../contract/index.ts'
import { codeOf, ConfigError, describe } from '../kit/index.ts'

export interface MaintenanceControl { readonly modes: Modes; readonly clock: Clock }

/** `{ action: begin, device | place, forMs, by, reason }` or `{ action: end, id }`. Answers the entry, or `{ ended }`, or 409 `{ code, message }`. */
export async function orderMaintenance({ modes, clock }: MaintenanceControl, body: unknown, response: ServerResponse): Promise<void> {
  const answer = (status: number, content: unknown): void => { response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content)) }
  try {
    const now = clock.now()
    const order = (body ?? {}) as Readonly<Record<string, unknown>>
    if (order.action === 'end' && typeof order.id === 'string') return answer(200, { ended: await modes.end(order.id, now) })
    if (order.action !== 'begin') throw new ConfigError('CONTROL_REFUSED', 'an order for maintenance needs action: begin or end')
    answer(200, await modes.begin(begun(order, now), now))
  } catch (error) {
    answer(409, { code: codeOf(error), message: describe(error) })
  }
}

function begun({ device, place, forMs, by, reason }: Readonly<Record<string, unknown>>, now: number): Omit<Maintenance, 'id' | 'since'> {
  const text = (value: unknown): string => (typeof value === 'string' ? value : '')
  return { ...(typeof device === 'string' ? { device } : {}), ...(typeof place === 'string' ? { place } : {}), until: now + (typeof forMs === 'number' ? forMs : NaN), by: text(by), reason: text(reason) }
}
