import type { ServerResponse } from 'node:http'
import type { Alert, Reading } from '../contract/index.ts'
import { brief } from '../control/alerts.ts'
import type { StreamEvents } from './api/index.ts'
import type { ConsoleParts } from './parts.ts'
import type { Views } from './views.ts'

const tickMs = 1_000
const beatMs = 3_000
const maxClients = 256
const maxPerAddress = 32
/** A page that does not read is cut off here; it comes back and fetches what is. */
const maxBufferedBytes = 1 << 20

export interface StreamClient { readonly response: ServerResponse; readonly address: string; readonly local: boolean; isOpen(): boolean }

/**
 * One tick a second for all: what changed is written as text once and sent to each. Alerts go at once. Without a client it costs
 * nothing: no listener, no timer.
 */
export class LiveStream implements Disposable {
  readonly #parts: ConsoleParts
  readonly #views: Views
  readonly #clients = new Set<StreamClient>()
  readonly #readings = new Map<string, Reading>()
  #alerts: Alert[] = []
  #devices = new Map<string, string>()
  #doors = new Map<string, string>()
  #terminals = new Map<string, string>()
  #stop: (() => void) | null = null
  #beatIn = beatMs
  constructor(parts: ConsoleParts, views: Views) { this.#parts = parts; this.#views = views }

  get clients(): number { return this.#clients.size }

  /** False: there are too many. Writes the head of the answer otherwise. */
  add(client: StreamClient, headers: Readonly<Record<string, string>>): boolean {
    const { response, address, local } = client
    if (this.#clients.size >= maxClients || (!local && [...this.#clients].filter((each) => each.address === address).length >= maxPerAddress)) return false
    response.writeHead(200, { ...headers, 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
    response.write(`retry: 2000\n${frame('hello', { now: this.#parts.clock.now(), beatMs })}`)
    response.on('error', () => {})
    response.on('close', () => this.#remove(client))
    this.#clients.add(client)
    this.#stop ??= this.#start()
    return true
  }

  [Symbol.dispose](): void {
    for (const { response } of this.#clients) response.destroy()
    this.#clients.clear()
    this.#stop?.()
    this.#stop = null
  }

  #remove(client: StreamClient): void {
    this.#clients.delete(client)
    if (this.#clients.size > 0) return
    this.#stop?.()
    this.#stop = null
  }

  #start(): () => void {
    const { feed, alerts: { desk }, clock } = this.#parts
    // What is true now is what the page fetches after hello.
    this.#diff()
    this.#readings.clear()
    this.#beatIn = beatMs
    const stopFeed = feed.subscribe((item) => { if (item.kind === 'reading') this.#readings.set(item.reading.pointId, item.reading) })
    const stopDesk = desk.onChange((alert) => {
      if (this.#alerts.length === 0) setImmediate(() => this.#tellAlerts())
      this.#alerts.push(alert)
    })
    let cancel = clock.after(tickMs, function tick(this: LiveStream) { this.#tick(); cancel = clock.after(tickMs, tick.bind(this)) }.bind(this))
    return () => { cancel(); stopFeed(); stopDesk(); this.#alerts = [] }
  }

  #tick(): void {
    const diff = this.#diff()
    this.#beatIn -= tickMs
    const beats = this.#beatIn <= 0
    if (beats) this.#beatIn = beatMs
    // Whose session ended, by an administrator say, is told nothing more.
    for (const client of this.#clients) if (!client.isOpen()) client.response.end()
    const { state, waiting } = beats ? this.#views.link() : { state: 'none' as const, waiting: 0 }
    this.#send(`${diff ? frame('diff', diff) : ''}${beats ? frame('beat', { now: this.#parts.clock.now(), link: state, waiting }) : ''}`)
  }

  /** Of one alert that changed many times in a turn: the last. */
  #tellAlerts(): void {
    const last = new Map(this.#alerts.map((alert) => [alert.id, alert]))
    this.#alerts = []
    const { clock, alerts: { desk } } = this.#parts
    const now = clock.now()
    const summary = desk.summary(now)
    this.#send([...last.values()].map((alert) => frame('alert', { now, summary, alert: brief(alert) as StreamEvents['alert']['alert'] })).join(''))
  }

  #send(text: string): void {
    if (text === '') return
    const bytes = Buffer.from(text)
    for (const { response } of this.#clients) {
      if (response.writableLength > maxBufferedBytes) response.destroy()
      else if (!response.writableEnded) response.write(bytes)
    }
  }

  #diff(): StreamEvents['diff'] | null {
    const { live, clock } = this.#parts
    const readings = [...this.#readings.values()].map(({ pointId, value, quality, at, reason }) => ({ point: pointId, value, quality, at, ...(reason ? { reason } : {}) }))
    this.#readings.clear()
    const devices = [...live.devices.values()].flatMap(({ id, name }) => {
      const status = live.device(id)
      const mark = `${status?.state} ${status?.at} ${status?.reason}`
      if (this.#devices.get(id) === mark) return []
      this.#devices.set(id, mark)
      return [{ id, name, state: status?.state ?? 'unknown' as const, since: status?.at ?? null, ...(status?.reason ? { reason: status.reason } : {}), ...(status?.detail ? { detail: status.detail } : {}) }]
    })
    const doors = changed(this.#views.doors(), this.#doors, (door) => door)
    // Hours grow by themselves; they go with what else changed.
    const terminals = changed(this.#views.terminals(), this.#terminals, ({ hours: _, ...rest }) => rest)
    if (readings.length + devices.length + doors.length + terminals.length === 0) return null
    return { now: clock.now(), ...(readings.length > 0 ? { readings } : {}), ...(devices.length > 0 ? { devices } : {}), ...(doors.length > 0 ? { doors } : {}), ...(terminals.length > 0 ? { terminals } : {}) }
  }
}

function changed<T extends { readonly id: string }>(views: readonly T[], known: Map<string, string>, told: (view: T) => unknown): T[] {
  return views.filter((view) => {
    const mark = JSON.stringify(told(view))
    if (known.get(view.id) === mark) return false
    known.set(view.id, mark)
    return true
  })
}

const frame = <K extends keyof StreamEvents>(event: K, data: StreamEvents[K]): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
