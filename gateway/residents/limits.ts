import type { Clock } from '../contract/index.ts'
import { RateLimit } from '../console/rate.ts'
import { ConfigError } from '../kit/index.ts'

const minuteMs = 60_000
/** So many at once, and again after so long. */
const per = (burst: number, ms: number) => ({ perSecond: burst / (ms / 1_000), burst })
const limits = {
  anything: { perSecond: 10, burst: 60 },
  wrongCodes: per(20, 10 * minuteMs),
  sendsOfAddress: per(5, 10 * minuteMs), sendsOfCode: per(30, 60 * minuteMs),
  photosOfAddress: per(3, 10 * minuteMs), photosOfCode: per(10, 60 * minuteMs),
} as const
type Limit = keyof typeof limits

/** How often one address may ask, and one code be used. In memory and bounded: a restart forgives. */
export class ResidentLimits {
  readonly #rates: Readonly<Record<Limit, RateLimit>>
  constructor(clock: Clock) { this.#rates = Object.fromEntries(Object.keys(limits).map((name) => [name, new RateLimit(clock)])) as Record<Limit, RateLimit> }

  /** Throws ConfigError RESIDENTS_RATE. */
  take(name: Limit, who: string): void {
    const { perSecond, burst } = limits[name]
    if (!this.#rates[name].takes(who, perSecond, burst)) throw tooOften(1_000 / perSecond)
  }
  /** The same, and takes nothing. */
  check(name: Limit, who: string): void {
    const { perSecond, burst } = limits[name]
    if (!this.#rates[name].mayTake(who, perSecond, burst)) throw tooOften(1_000 / perSecond)
  }
}

const tooOften = (retryAfterMs: number): ConfigError => new ConfigError('RESIDENTS_RATE', 'that was too often; come again in some minutes', { values: { retryAfterMs } })

/** Whoever has an IPv6 address has 2^64 of them. */
export function addressKey(address: string | undefined): string {
  const plain = (address ?? 'unknown').replace(/^::ffff:/, '')
  if (!plain.includes(':')) return plain
  const [head = '', tail] = plain.split('%')[0]!.split('::') as [string, string | undefined]
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const groups = tail === undefined ? left : [...left, ...Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0'), ...right]
  return groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16)).join(':')
}
