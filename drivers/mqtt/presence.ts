import type { Clock, DeviceStatus, Intake, PointId, Sample } from '../../gateway/contract/index.ts'
import type { MqttDeviceConfig } from './settings.ts'

interface Life { readonly device: MqttDeviceConfig; state: 'online' | 'offline' | null; saidOffline: boolean; heardAt: number; cancel: (() => void) | null }

export type Change = Pick<Intake, 'samples'> & { readonly devices: readonly DeviceStatus[] }

/** A sleeper that says nothing for longer than a day is not asleep. */
const sleeperMs = 25 * 3_600_000

/** Which devices are there, and what becomes of their values when they go (law 4): bad; uncertain where the device said goodbye, or its profile says that it sleeps. */
export class Presence {
  readonly #lives: ReadonlyMap<string, Life>
  readonly #clock: Clock
  readonly #last: ReadonlyMap<PointId, Sample>
  readonly #push: (change: Change) => void

  /** `last`: each point's last sample, kept by the owner. `push` gets what the clock brings about. */
  constructor(devices: readonly MqttDeviceConfig[], clock: Clock, last: ReadonlyMap<PointId, Sample>, push: (change: Change) => void) {
    this.#lives = new Map(devices.map((device) => [device.id, { device, state: null, saidOffline: false, heardAt: clock.monotonic(), cancel: null }]))
    this.#clock = clock
    this.#last = last
    this.#push = push
  }

  is(deviceId: string): 'online' | 'offline' | null { return this.#lives.get(deviceId)?.state ?? null }

  /** The first word of a session. */
  begin(statuses: readonly DeviceStatus[]): void {
    for (const { deviceId, state } of statuses) this.#lives.get(deviceId)!.state = state === 'online' ? 'online' : 'offline'
    for (const life of this.#lives.values()) this.#watch(life)
  }

  /** A message of its own, live: whoever speaks is there, unless it said otherwise (a bridge speaks for devices that are gone). */
  heard(deviceId: string): Change | null {
    const life = this.#lives.get(deviceId)!
    life.heardAt = this.#clock.monotonic()
    return life.saidOffline || life.state === 'online' ? null : this.online(deviceId)
  }

  /** What its availability topic says; `will`: its broker said it in its place. */
  said(deviceId: string, online: boolean, will: boolean): Change | null {
    const life = this.#lives.get(deviceId)!
    life.saidOffline = !online
    if (online) { life.heardAt = this.#clock.monotonic(); return this.online(deviceId) }
    return will
      ? this.offline(deviceId, 'MQTT_WILL', `${deviceId} fell silent without a goodbye: its will came; check its power and network`)
      : this.offline(deviceId, 'MQTT_SAID_OFFLINE', `${deviceId} is reported offline on its availability topic; check its power, battery and radio`)
  }

  online(deviceId: string): Change | null {
    const life = this.#lives.get(deviceId)!
    if (life.state === 'online') return null
    life.state = 'online'
    life.saidOffline = false
    return { samples: [], devices: [{ deviceId, state: 'online', at: this.#clock.now() }] }
  }

  /**
   * The first reason stands: a will, then the closed socket, are one event. `goodbye`: it left in order, so what it said last was true
   * when it left, and is kept as uncertain; of one that was lost nothing is known.
   */
  offline(deviceId: string, reason: string, detail: string, goodbye = false): Change | null {
    const life = this.#lives.get(deviceId)!
    if (life.state === 'offline') return null
    life.state = 'offline'
    const at = this.#clock.now()
    return { devices: [{ deviceId, state: 'offline', at, reason, detail }], samples: life.device.points.flatMap(({ id }) => this.#gone(id, goodbye || life.device.settings.sleeps, at, reason)) }
  }

  end(): void { for (const { cancel } of this.#lives.values()) cancel?.() }

  #gone(pointId: PointId, keep: boolean, at: number, reason: string): readonly Sample[] {
    const last = this.#last.get(pointId)
    if (!last || last.raw === null) return []
    // With the time of its measurement: an old value must not look fresh.
    return [keep ? { pointId, raw: last.raw, at: last.at, quality: 'uncertain', reason } : { pointId, raw: null, at, quality: 'bad', reason }]
  }

  /** One timer a device, moved on when it fires: not one for each message. */
  #watch(life: Life): void {
    const { sleeps, silentAfter = sleeps ? sleeperMs : undefined } = life.device.settings
    if (silentAfter === undefined) return
    const check = (): void => {
      const silentMs = this.#clock.monotonic() - life.heardAt
      if (silentMs >= silentAfter && life.state === 'online') {
        const change = this.offline(life.device.id, 'MQTT_SILENT', `nothing was heard of ${life.device.id} for ${Math.round(silentMs / 1_000)} s; check its battery, power and radio`)
        if (change) this.#push(change)
      }
      life.cancel = this.#clock.after(silentMs >= silentAfter ? silentAfter : silentAfter - silentMs, check)
    }
    life.cancel = this.#clock.after(silentAfter, check)
  }
}
