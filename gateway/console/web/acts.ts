import { signal } from '@preact/signals'
import type { AlertView, Order } from '../api/index.ts'
import { call } from './api.ts'
import { actId } from './clock.ts'
import { heardAlert, load, me } from './state.ts'

type Act = Order<'act'>
interface Queued { readonly alert: string; readonly order: Act; readonly by: string }

const kept = 'linli.acts'
const most = 200
function read(): readonly Queued[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(kept) ?? '[]')
    return Array.isArray(list) ? list.slice(0, most) as Queued[] : []
  } catch { return [] }
}
/** Acts that no answer came to. They survive a reload and are sent when the gateway is heard again, each with its own id. */
export const queue = signal(read())
function keep(list: readonly Queued[]): void {
  queue.value = list
  try { localStorage.setItem(kept, JSON.stringify(list)) } catch { /* Kept in memory then. */ }
}
/** What is on its way, by alert. */
export const underWay = signal<ReadonlySet<string>>(new Set())
/** `first`: who acknowledged before. `refused`: a code of docs/errors.md. */
export type Told = { readonly kind: 'done' | 'queued'; readonly act: Act['act'] } | { readonly kind: 'first'; readonly by: string; readonly at: number } | { readonly kind: 'refused'; readonly code: string; readonly detail: string }
/** The last word about each alert, shown at its card. */
export const told = signal<ReadonlyMap<string, Told>>(new Map())
const tell = (alert: string, what: Told): void => { told.value = new Map([...told.value, [alert, what] as const].slice(-most)) }

export async function act(alert: Pick<AlertView, 'id'>, order: Act): Promise<Told> {
  if (order.act === 'acknowledge' && (underWay.value.has(alert.id) || queue.value.some((each) => each.alert === alert.id && each.order.act === 'acknowledge'))) return { kind: 'queued', act: order.act }
  const item: Queued = { alert: alert.id, order: { ...order, id: actId() }, by: me.value }
  underWay.value = new Set([...underWay.value, alert.id])
  const what = await send(item)
  underWay.value = new Set([...underWay.value].filter((id) => id !== alert.id))
  if (what) { tell(alert.id, what); return what }
  // It may have arrived although no answer came back: the same id again is the same act.
  if (queue.value.length < most) keep([...queue.value, item])
  const waits: Told = { kind: 'queued', act: order.act }
  tell(alert.id, waits)
  return waits
}

/** No answer, signed out meanwhile, too many at once, or a gateway that is starting: it may go through in a while. */
const later = (status: number): boolean => status === 0 || status === 401 || status === 429 || status >= 500
/** Null: not now. */
async function send({ alert, order }: Queued): Promise<Told | null> {
  const answer = await call('act', { id: alert, body: order })
  if (!answer.ok) {
    if (answer.status === 401) void load.session()
    return later(answer.status) ? null : { kind: 'refused', code: answer.problem.code, detail: answer.problem.message }
  }
  heardAlert(answer.value.alert)
  const first = answer.value.alert.acknowledged
  return answer.value.outcome === 'already' && order.act === 'acknowledge' && first && first.by !== me.value ? { kind: 'first', ...first } : { kind: 'done', act: order.act }
}

let flushing = false
/** In the order they were made; stops at the first that gets no answer. What somebody of an earlier shift left is not sent in another's name. */
export async function flushActs(): Promise<void> {
  if (flushing || me.value === '') return
  flushing = true
  try {
    for (let item = queue.value[0]; item; item = queue.value[0]) {
      const what = item.by === me.value ? await send(item) : { kind: 'refused', code: 'ALERT_NOT_ALLOWED', detail: item.by } as const
      if (!what) return
      const sent = item
      keep(queue.value.filter((each) => each !== sent))
      tell(item.alert, what)
    }
  } finally { flushing = false }
}
addEventListener('online', () => void flushActs())
// Another tab of this browser keeps the same list.
addEventListener('storage', ({ key }) => { if (key === kept) queue.value = read() })
