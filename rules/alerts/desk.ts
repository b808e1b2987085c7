import type { Alert, AlertDesk, ClearAlert, GatewayEvent, Json, JsonObject, Label, RaiseAlert, Severity, StateWrite } from '../../gateway/contract/index.ts'

const prefix = 'alert/'

/** Owns the alerts' life: raised, cleared. One open alert a condition; at most as many as there are conditions. `newId`: 16 hex digits. */
export function createAlertDesk({ newId }: { newId(): string }): AlertDesk {
  const open = new Map<string, Alert>()

  const apply = (effect: RaiseAlert | ClearAlert): { readonly event: GatewayEvent; readonly state: StateWrite } | null => {
    const existing = open.get(effect.key)
    const key = `${prefix}${effect.key}`
    if (effect.kind === 'raise') {
      if (existing) return null
      const { severity, title, ruleId, data, at } = effect
      const alert = opened({ id: newId(), key: effect.key, ruleId, severity, title, raisedAt: at, data })
      open.set(effect.key, alert)
      return { event: eventOf(alert, 'raised', at, data), state: { key, value: { id: alert.id, key: effect.key, ruleId, severity, title: { ...title }, raisedAt: at, state: 'raised', data } } }
    }
    if (!existing) return null
    open.delete(effect.key)
    return { event: eventOf(existing, 'cleared', effect.at, effect.data), state: { key, value: null } }
  }

  return {
    apply(effects) {
      const applied = effects.flatMap((effect) => apply(effect) ?? [])
      return { events: applied.map(({ event }) => event), state: applied.map(({ state }) => state) }
    },
    act: () => ({ outcome: 'refused', code: 'ALERT_UNKNOWN', detail: 'no such alert' }),
    note: () => ({ events: [], state: [] }),
    tick: () => ({ events: [], state: [] }),
    wakeAt: () => undefined,
    open: () => [...open.values()],
    find: (id) => [...open.values()].find((alert) => alert.id === id),
    closed: () => [],
    summary: () => ({ open: { 1: 0, 2: 0, 3: 0, 4: 0 }, waiting: open.size, flood: null, shelved: 0, suppressed: 0, standing: 0 }),
    onChange: () => () => {},
    restore(entries) {
      for (const [, value] of entries) {
        const alert = parseAlert(value)
        if (alert) open.set(alert.key, alert)
      }
    },
  }
}

function opened(of: Pick<Alert, 'id' | 'key' | 'ruleId' | 'severity' | 'title' | 'raisedAt' | 'data'>): Alert {
  return { ...of, changedAt: of.raisedAt, lastRaisedAt: of.raisedAt, state: 'raised', condition: 'active', count: 1, reopened: 0, escalation: 0, due: {}, timeline: [] }
}

function eventOf(alert: Alert, state: string, at: number, data: JsonObject): GatewayEvent {
  const { id, key, ruleId, severity, title, raisedAt } = alert
  return { stream: 'alert', type: 'alert', at, subject: id, data: { id, key, rule: ruleId, severity, title: { ...title }, state, raisedAt, ...data } }
}

/** null for anything that is not an alert this version wrote. */
function parseAlert(value: Json): Alert | null {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return null
  const { id, key, ruleId, severity, title, raisedAt, state, data } = value as { readonly [key: string]: Json }
  if (typeof id !== 'string' || typeof key !== 'string' || typeof ruleId !== 'string' || typeof raisedAt !== 'number') return null
  if (state !== 'raised' || !isSeverity(severity) || !isLabel(title) || !isObject(data)) return null
  return opened({ id, key, ruleId, severity, title, raisedAt, data })
}

const isSeverity = (value: Json | undefined): value is Severity => value === 1 || value === 2 || value === 3 || value === 4
const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)
const isLabel = (value: Json | undefined): value is Json & Label => isObject(value) && typeof value.zh === 'string' && typeof value.en === 'string'
