import type { EpochMs, GatewayEvent } from '../../gateway/contract/index.ts'
import { share, type ReportFigures } from './figures.ts'

interface Sum { availableS: number; degradedS: number; downS: number; unknownS: number; sessions: number }

/** Adds up the hours that terminals have told (rules/kiosks), and their sessions. */
export class Terminals {
  readonly #sums: Map<string, Sum>
  readonly #from: EpochMs
  readonly #to: EpochMs
  constructor(kiosks: readonly string[], from: EpochMs, to: EpochMs) {
    this.#from = from
    this.#to = to
    this.#sums = new Map(kiosks.map((id) => [id, { availableS: 0, degradedS: 0, downS: 0, unknownS: 0, sessions: 0 }]))
  }

  add({ at, mode, data }: GatewayEvent): void {
    const sum = typeof data.kiosk === 'string' ? this.#sums.get(data.kiosk) : undefined
    if (!sum || mode !== undefined) return
    if (data.action === undefined) { if (at < this.#to) sum.sessions++; return }
    // An hour is told when it is over: the last one at the first moment of the next month.
    if (data.action !== 'availability' || typeof data.from !== 'number' || data.from < this.#from || data.from >= this.#to) return
    for (const name of ['availableS', 'degradedS', 'downS', 'unknownS'] as const) { const value = data[name]; if (typeof value === 'number' && value > 0) sum[name] += value }
  }

  figures(): ReportFigures['terminals'] {
    return [...this.#sums].map(([kiosk, { availableS, degradedS, downS, unknownS, sessions }]) => ({
      kiosk, availableS, degradedS, downS, unknownS, availability: share(availableS + degradedS, availableS + degradedS + downS), sessions,
    }))
  }
}
