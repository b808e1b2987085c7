import type { AlertAct, CommandRequest } from '../../gateway/contract/index.ts'

export type Wish<A = AlertAct> = A extends AlertAct ? Omit<A, 'id' | 'at' | 'by' | 'origin'> : never
/** What the city wants done with an alert. */
export type AlertRequest = Omit<CommandRequest, 'point' | 'value'> & { readonly wish: Wish }
export type CityRequest = CommandRequest | AlertRequest
export const isOfAlert = (request: CityRequest): request is AlertRequest => 'wish' in request
