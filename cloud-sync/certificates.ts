import type { EpochMs, Severity } from '../gateway/contract/index.ts'

/** The end of one certificate: our own chain's, or the broker's. */
export interface Expiry {
  readonly whose: 'gateway' | 'broker'
  readonly subject: string
  readonly validTo: EpochMs
  /** Why the last try to renew it failed. */
  readonly code?: string
}
export interface ExpiryWarning extends Expiry { readonly days: number; readonly severity: Severity }

const dayMs = 86_400_000
/** Days that are left at most, and how serious that is. */
const tiers: readonly { readonly days: number; readonly severity: Severity }[] = [{ days: 1, severity: 2 }, { days: 7, severity: 3 }, { days: 30, severity: 4 }]

/** Of the certificate that ends first, when that is within 30 days; `days` below 0: it has ended. */
export function expiryWarning(expiries: readonly Expiry[], now: EpochMs): ExpiryWarning | null {
  const [first] = expiries.toSorted((a, b) => a.validTo - b.validTo)
  if (!first) return null
  const days = Math.floor((first.validTo - now) / dayMs)
  const tier = tiers.find((each) => first.validTo - now <= each.days * dayMs)
  return tier ? { ...first, days, severity: tier.severity } : null
}
