import type { ActAnswer, Alert, AlertAct, AlertWork, ClearAlert, EpochMs, GatewayEvent, Json, RaiseAlert, StateWrite } from '../../gateway/contract/index.ts'
import { createAlertDesk, type BuildingDesk, type DeskParts } from '../../rules/alerts/desk.ts'
import { alertsSchema } from '../../rules/alerts/schema.ts'

export const minute = 60_000
export const hour = 60 * minute
export const day = 24 * hour
/** Any moment: times in tests are relative to it. */
export const t0 = Date.UTC(2026, 0, 5, 8)

/** The key `alerts` of a site file that does not have it. */
export const usualAlerts = alertsSchema.parse(undefined)

export const raise = (overrides: Partial<RaiseAlert> = {}): RaiseAlert => ({ kind: 'raise', key: 'hot', ruleId: 'hot', severity: 2, at: t0, title: { zh: '热', en: 'hot' }, data: { value: 31 }, ...overrides })
export const clear = (overrides: Partial<ClearAlert> = {}): ClearAlert => ({ kind: 'clear', key: 'hot', ruleId: 'hot', at: t0 + 1_000, data: { value: 20 }, ...overrides })

type Omitted = 'id' | 'at' | 'by' | 'origin' | 'alert'
type Said<A = AlertAct> = A extends AlertAct ? Omit<A, Omitted> & Partial<Pick<A, Omitted>> : never

let acts = 0

/** A desk, with all it ever told and stored, as a journal would hold it. */
export class DeskBench {
  readonly events: GatewayEvent[]
  readonly stored = new Map<string, Json>()
  readonly desk: BuildingDesk
  readonly #parts: DeskParts
  constructor(parts: Omit<Partial<DeskParts>, 'config'> & { readonly config?: object } = {}, stored: ReadonlyMap<string, Json> = new Map(), before?: DeskBench) {
    let n = 0
    this.#parts = before ? before.#parts : { newId: () => `a${String(++n).padStart(15, '0')}`, ...parts, config: alertsSchema.parse(parts.config ?? {}) }
    this.events = before ? before.events : []
    // As a disk brings it back.
    for (const [key, value] of stored) this.stored.set(key, JSON.parse(JSON.stringify(value)) as Json)
    this.desk = createAlertDesk(this.#parts)
    this.desk.restore([...this.stored])
  }
  /** The same house after a restart. */
  restarted(): DeskBench { return new DeskBench({}, this.stored, this) }
  apply(...effects: readonly (RaiseAlert | ClearAlert)[]): readonly GatewayEvent[] { return this.#keep(this.desk.apply(effects)) }
  tick(now: EpochMs): readonly GatewayEvent[] { return this.#keep(this.desk.tick(now)) }
  test(...args: Parameters<BuildingDesk['test']>): readonly GatewayEvent[] { return this.#keep(this.desk.test(...args)) }
  unmute(...args: Parameters<BuildingDesk['unmute']>): readonly GatewayEvent[] { return this.#keep(this.desk.unmute(...args)) }
  note(...args: Parameters<BuildingDesk['note']>): readonly GatewayEvent[] { return this.#keep(this.desk.note(...args)) }
  act(said: Said, now: EpochMs = said.at ?? t0): ActAnswer {
    const act = { id: (++acts).toString(16).padStart(16, '0'), at: now, by: 'wang', origin: 'site', alert: this.only().id, ...said } as AlertAct
    const answer = this.desk.act(act, now)
    if (answer.outcome !== 'refused') this.#keep(answer)
    return answer
  }
  /** The one alert there is. */
  only(): Alert { const [alert] = [...this.desk.open(), ...this.desk.closed()]; return alert! }
  alert(id: string): Alert { return this.desk.find(id)! }
  steps(): string[] { return this.events.map(({ data }) => String(data.state)) }
  #keep({ events, state }: AlertWork): readonly GatewayEvent[] {
    this.events.push(...events)
    for (const { key, value } of state as readonly StateWrite[]) if (value === null) this.stored.delete(key); else this.stored.set(key, value)
    return events
  }
}
