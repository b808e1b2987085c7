import { computed, signal } from '@preact/signals'
import type { StreamEvents } from '../api/index.ts'
import { flushActs, unsent } from './acts.ts'
import { clock } from './clock.ts'
import { heardAlert, heardDiff, heardSummary, heardTime, load, overview, refresh, session } from './state.ts'

/** Nothing for so long: what is shown may be wrong. */
const staleMs = 10_000
const retryMs = 3_000

const heardAt = signal(clock.monotonic())
const tick = signal(clock.monotonic())
clock.every(500, () => { tick.value = clock.monotonic() })
/** How long nothing was heard, and whether that is too long. */
export const silentMs = computed(() => Math.max(0, Math.floor((tick.value - heardAt.value) / 1_000) * 1_000))
export const stale = computed(() => silentMs.value > staleMs)
export const cityState = computed(() => overview.value?.link.state ?? 'none')

let source: EventSource | null = null
let openedAt = 0
let cancelRetry = (): void => {}
const heard = (): void => { heardAt.value = clock.monotonic() }

/** Opens the live stream and keeps it open until {@link closeStream}. */
export function openStream(): void {
  closeStream()
  heard()
  openedAt = clock.monotonic()
  const opened = source = new EventSource('/api/stream')
  const on = <K extends keyof StreamEvents>(name: K, handle: (event: StreamEvents[K]) => void): void => opened.addEventListener(name, (event) => { heard(); handle(JSON.parse((event as MessageEvent<string>).data) as StreamEvents[K]) })
  on('hello', ({ now }) => { heardTime(now); void refresh(); void load.people(); void flushActs() })
  on('beat', ({ now, link, waiting }) => { heardTime(now); if (overview.value) overview.value = { ...overview.value, link: { state: link, waiting } } })
  on('alert', ({ now, summary, alert }) => { heardTime(now); heardSummary(summary); heardAlert(alert) })
  on('diff', heardDiff)
  // A browser gives up on an answer that is no stream, such as 401 or a proxy's page: then it is asked anew. A stream that ends may have ended with
  // the session, by an administrator or a new password: that is told now, and not when the browser has waited and tried again.
  opened.addEventListener('error', () => { if (opened.readyState === EventSource.CLOSED) again(); else void load.session() })
}
function again(): void {
  source?.close()
  cancelRetry()
  cancelRetry = clock.after(retryMs, () => {
    void load.session().then(() => { if (session.value?.state === 'in') reopen() })
  })
}
function reopen(): void { const before = heardAt.value; openStream(); heardAt.value = before }
export function closeStream(): void { source?.close(); source = null; cancelRetry() }

clock.every(5_000, () => {
  // A line that is open and says nothing is dead too: proxies and sleeping tablets leave such behind. A slow one is given its time.
  if (source && stale.value && clock.monotonic() - openedAt > staleMs) again()
  if (!stale.value && unsent.value.length > 0) void flushActs()
})
