import { computed, signal } from '@preact/signals'
import type { Label } from '../../contract/index.ts'
import type { AlertView, Answer, Order } from '../api/index.ts'
import { call } from './api.ts'
import { actId, clock } from './clock.ts'
import { heardAlert, load, me } from './state.ts'

type Act = Order<'act'>
/** `waits`: no answer came to it. `at`: when it was made, by this browser's clock. */
export interface Queued { readonly alert: string; readonly title: Label; readonly order: Act; readonly by: string; readonly at: number; readonly waits?: true }

const kept = 'linli.acts'
const most = 200
/** Null where the browser keeps nothing. */
function read(): readonly Queued[] | null {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(kept) ?? '[]')
    return Array.isArray(list) ? (list as Queued[]).filter((item) => item?.order?.id && item.title && item.alert).slice(0, most) : []
  } catch { return null }
}
/** Every act is in here before it is sent, and until the gateway has said yes or no: a reload, a session that ended or a gateway that restarts loses none. */
const queue = signal<readonly Queued[]>([])
/** Other tabs of this browser change the same list, so it is read again before it is written. */
function change(how: (list: readonly Queued[]) => readonly Queued[]): void {
  queue.value = how(read() ?? queue.value)
  try { localStorage.setItem(kept, JSON.stringify(queue.value)) } catch { /* Kept in memory then. */ }
}
const waiting = (item: Queued): Queued => ({ ...item, waits: true })
const same = (one: Queued) => (other: Queued): boolean => one.order.id === other.order.id
// The page that was sending them is gone.
change((list) => list.map(waiting))
/** What no answer came to, for the person to see. It is sent again, each with its own id, in the name of who made it. */
export const unsent = computed(() => queue.value.filter(({ waits }) => waits))
export const waitsFor = (alert: string, act: Act['act']): boolean => unsent.value.some((each) => each.alert === alert && each.order.act === act)
export function discard(item: Queued): void {
  change((list) => list.filter((each) => !same(item)(each)))
  told.value = new Map([...told.value].filter(([alert]) => alert !== item.alert))
}
/** What is on its way, by alert. */
export const underWay = signal<ReadonlySet<string>>(new Set())
/** `first`: who acknowledged before. `refused`: a code of docs/errors.md. */
export type Told = { readonly kind: 'done' | 'queued'; readonly act: Act['act'] } | { readonly kind: 'first'; readonly by: string; readonly at: number } | { readonly kind: 'refused'; readonly code: string; readonly detail: string }
/** The last word about each alert, shown at its card. */
export const told = signal<ReadonlyMap<string, Told>>(new Map())
/** That it was done is said for so long; later it would be taken for news. */
const doneMs = 8_000
function tell(alert: string, what: Told): void {
  told.value = new Map([...told.value, [alert, what] as const].slice(-most))
  if (what.kind === 'done') clock.after(doneMs, () => { if (told.value.get(alert) === what) told.value = new Map([...told.value].filter(([each]) => each !== alert)) })
}

/** Sends it, after what waits for the same alert. */
export async function act(alert: Pick<AlertView, 'id' | 'title'>, order: Act): Promise<Told> {
  const waits: Told = { kind: 'queued', act: order.act }
  const before = queue.value.filter((each) => each.alert === alert.id && each.by === me.value)
  if (order.act === 'acknowledge' && before.some((each) => each.order.act === 'acknowledge')) return waits
  const item: Queued = { alert: alert.id, title: alert.title, order: { ...order, id: actId() }, by: me.value, at: clock.now() }
  if (queue.value.length >= most) {
    const full: Told = { kind: 'refused', code: 'CONSOLE_UNREACHABLE', detail: '' }
    tell(alert.id, full)
    return full
  }
  const behind = before.length > 0
  change((list) => [...list, behind ? waiting(item) : item])
  if (behind) tell(alert.id, waits)
  const what = behind ? null : await send(item)
  if (what === 'stop' || what === 'later') return waits
  void flushActs()
  return what ?? waits
}

/** The same act on many, each of which is kept before the first is sent. What is more than the page can keep is left for another tap. */
export async function actOnAll(alerts: readonly Pick<AlertView, 'id' | 'title'>[], order: Act): Promise<void> {
  const at = clock.now()
  const fresh = alerts.filter(({ id }) => !queue.value.some((each) => each.alert === id && each.order.act === order.act)).slice(0, Math.max(0, most - queue.value.length))
  change((list) => [...list, ...fresh.map(({ id, title }): Queued => ({ alert: id, title, order: { ...order, id: actId() }, by: me.value, at, waits: true }))])
  await flushActs()
}

/** `stop`: nothing goes through now: no answer, signed out meanwhile, or too many at once. `later`: this one does not, in a gateway that has trouble. */
type Outcome = Told | 'stop' | 'later'
async function send(item: Queued): Promise<Outcome> {
  underWay.value = new Set([...underWay.value, item.alert])
  const answer = await call('act', { id: item.alert, body: item.order })
  underWay.value = new Set([...underWay.value].filter((id) => id !== item.alert))
  if (!answer.ok && answer.status === 401) void load.session()
  if (!answer.ok && (answer.status === 0 || answer.status === 401 || answer.status === 429 || answer.status >= 500)) {
    // It may have arrived although no answer came back: the same id again is the same act.
    change((list) => list.map((each) => (same(item)(each) ? waiting(each) : each)))
    tell(item.alert, { kind: 'queued', act: item.order.act })
    return answer.status >= 500 ? 'later' : 'stop'
  }
  change((list) => list.filter((each) => !same(item)(each)))
  if (answer.ok) heardAlert(answer.value.alert)
  const what = answer.ok ? wordOf(answer.value, item.order.act) : { kind: 'refused', code: answer.problem.code, detail: answer.problem.message } as const
  tell(item.alert, what)
  return what
}
function wordOf({ alert, outcome }: Answer<'act'>, done: Act['act']): Told {
  const first = alert.acknowledged
  return outcome === 'already' && done === 'acknowledge' && first && first.by !== me.value ? { kind: 'first', ...first } : { kind: 'done', act: done }
}

/** Longer than any call takes: what another tab of this browser began to send and never ended. */
const forgottenMs = 60_000
let flushing = false
/** Those of one alert in the order they were made. What somebody of another shift left is not sent in another's name: it waits for them. */
export async function flushActs(): Promise<void> {
  if (flushing || me.value === '') return
  flushing = true
  try {
    if (queue.value.some(({ waits, at }) => !waits && clock.now() - at > forgottenMs)) change((list) => list.map((each) => (clock.now() - each.at > forgottenMs ? waiting(each) : each)))
    const blocked = new Set<string>()
    for (;;) {
      const next = queue.value.find((item) => {
        if (item.by !== me.value || blocked.has(item.alert)) return false
        if (!item.waits) blocked.add(item.alert)
        return item.waits
      })
      if (!next) return
      const outcome = await send(next)
      if (outcome === 'stop') return
      if (outcome === 'later') blocked.add(next.alert)
    }
  } finally { flushing = false }
}
addEventListener('online', () => void flushActs())
addEventListener('storage', ({ key }) => { if (key === kept) queue.value = read() ?? queue.value })
