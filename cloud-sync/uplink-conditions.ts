import type { Clock, GatewayConditions, TimeQuality } from '../gateway/contract/index.ts'
import { expiryWarning, type Expiry } from './certificates.ts'

const offlineAfterMs = 600_000
export const unconfirmedAfterMs = 600_000

export interface UplinkConditionParts {
  readonly id: string
  readonly clock: Clock
  readonly conditions: GatewayConditions | undefined
  timeQuality(): TimeQuality
}

/** What the people in the building are told of one uplink: offline, another gateway under our name, certificates that end, a platform that confirms nothing. */
export class UplinkConditions {
  readonly #parts: UplinkConditionParts
  readonly #key: string
  #cancelOffline: (() => void) | null = null
  /** What was last said of certificates: `severity subject`. */
  #certificate = ''
  #unconfirmed = false

  constructor(parts: UplinkConditionParts) {
    this.#parts = parts
    this.#key = `uplink/${parts.id}`
  }

  offline(code: string): void {
    const { clock, conditions, id } = this.#parts
    const since = clock.now()
    this.#cancelOffline ??= clock.after(offlineAfterMs, () => conditions?.raise({
      key: `${this.#key}/offline`, severity: 3, data: { uplink: id, since, code },
      title: { zh: `与市级平台（${id}）断开超过 10 分钟，数据保存在本机`, en: `No connection to the city platform (${id}) for 10 minutes; everything is kept here` },
    }))
  }
  online(): void {
    this.stop()
    this.#parts.conditions?.clear(`${this.#key}/offline`)
  }

  takenOver(): void {
    const { conditions, id } = this.#parts
    conditions?.raise({
      key: `${this.#key}/taken-over`, severity: 2, data: { uplink: id, code: 'UPLINK_TAKEN_OVER' },
      title: { zh: `另一台网关使用了相同的客户端标识（${id}）`, en: `Another gateway uses this one's client id (${id})` },
    })
  }
  /** A connection that held. */
  steady(): void { this.#parts.conditions?.clear(`${this.#key}/taken-over`) }

  /** A clock that nobody set cannot judge a date. */
  certificates(expiries: readonly Expiry[]): void {
    const { clock, conditions, id, timeQuality } = this.#parts
    if (timeQuality() === 'unsynced') return
    const key = `${this.#key}/certificate`
    const warning = expiryWarning(expiries, clock.now())
    const said = warning ? `${warning.severity} ${warning.subject} ${warning.days < 0}` : ''
    if (said === this.#certificate) return
    if (this.#certificate || !warning) conditions?.clear(key)
    this.#certificate = said
    if (!warning) return
    const { whose, subject, days, severity, validTo, code } = warning
    const zh = whose === 'gateway' ? '本网关的证书' : '市级平台的证书'
    const en = whose === 'gateway' ? "The gateway's certificate" : "The city platform's certificate"
    conditions?.raise({
      key, severity, data: { uplink: id, whose, subject, validTo, days, ...(code ? { code } : {}) },
      title: days < 0 ? { zh: `${zh}（${id}）已过期`, en: `${en} (${id}) has expired` } : { zh: `${zh}（${id}）${days} 天后过期`, en: `${en} (${id}) ends in ${days} ${days === 1 ? 'day' : 'days'}` },
    })
  }

  /** How long the platform has been silent about records it was sent; 0: it is not. */
  unconfirmed(silentMs: number, waiting: number): void {
    const { conditions, id } = this.#parts
    const key = `${this.#key}/unconfirmed`
    const late = silentMs >= unconfirmedAfterMs
    if (late === this.#unconfirmed) return
    this.#unconfirmed = late
    if (!late) conditions?.clear(key)
    else conditions?.raise({ key, severity: 3, data: { uplink: id, waiting }, title: { zh: `市级平台（${id}）超过 10 分钟未确认数据`, en: `The city platform (${id}) has confirmed nothing for 10 minutes` } })
  }

  stop(): void {
    this.#cancelOffline?.()
    this.#cancelOffline = null
  }
}
