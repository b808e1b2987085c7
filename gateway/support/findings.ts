import type { EpochMs, Label } from '../contract/index.ts'

/** Gravest first. `fault`: something does not work. `warning`: it will not, or not when it counts. `notice`: worth knowing. */
export const severities = ['fault', 'warning', 'notice'] as const
export type FindingSeverity = (typeof severities)[number]

/** What is looked at, in the order in which it is told. */
export const areas = ['configuration', 'clock', 'disk', 'store', 'machine', 'devices', 'network', 'city', 'certificates', 'secrets', 'alarms', 'people', 'console'] as const
export type Area = (typeof areas)[number]

/** `where`: the device, file, uplink or address it is about. `detail`: what the finder itself said, in English. */
export interface CheckFinding { readonly code: string; readonly severity: FindingSeverity; readonly area: Area; readonly where: string; readonly what: Label; readonly next: Label; readonly detail?: string }

/** `ok`: the areas where nothing is wrong. */
export interface CheckUp {
  readonly at: EpochMs
  readonly gateway: string | null
  readonly version: string
  readonly running: boolean
  readonly findings: readonly CheckFinding[]
  readonly ok: readonly Area[]
}

type Words = readonly [zh: string, en: string]
/** A finding in one line of code. */
export function found(code: string, severity: FindingSeverity, area: Area, where: string, what: Words, next: Words, detail?: string): CheckFinding {
  return { code, severity, area, where, what: { zh: what[0], en: what[1] }, next: { zh: next[0], en: next[1] }, ...(detail ? { detail } : {}) }
}

/** Each area at most so many: a thousand silent devices are one story. */
const mostEach = 50

export function ordered(findings: readonly CheckFinding[]): readonly CheckFinding[] {
  const counts = new Map<Area, number>()
  return findings.toSorted((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity) || areas.indexOf(a.area) - areas.indexOf(b.area))
    .filter(({ area }) => { const count = (counts.get(area) ?? 0) + 1; counts.set(area, count); return count <= mostEach })
}

/** 0: nothing but notices, 1: warnings, 2: faults. */
export const exitCodeOf = (findings: readonly CheckFinding[]): 0 | 1 | 2 => (findings.some(({ severity }) => severity === 'fault') ? 2 : findings.some(({ severity }) => severity === 'warning') ? 1 : 0)
