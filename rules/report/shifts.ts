import type { EpochMs, Label } from '../../gateway/contract/index.ts'
import { dateOf, weekdayOf, weekOf } from '../schedule/hours.ts'
import { createZone, dayMs, type Zone } from '../schedule/zone.ts'
import type { PersonConfig, ShiftConfig } from '../people/schema.ts'

/** Somebody had the desk: taken with a PIN on the page, given back with a note. `to: null`: it was not, or not yet. */
export interface Duty { readonly person: string; readonly from: EpochMs; readonly to: EpochMs | null; readonly note: string | null }

/** A time of which a shift report can be drawn. `desk`: as it was; `plan`: as the site file has it; `day`: the whole day. */
export type Shift = {
  /** `2026-11-26/day`, `2026-11-26/front-desk/0800`, `2026-11-26/desk/075812-wang`. */
  readonly id: string
  readonly kind: 'desk' | 'plan' | 'day'
  readonly name: Label | null
  readonly people: readonly string[]
  readonly from: EpochMs
  readonly to: EpochMs
  /** Nobody has handed over: it is drawn until now. */
  readonly open: boolean
  /** It lasted longer than a report covers. */
  readonly cut: boolean
}

/** A desk that is never handed over is not one shift. */
const maxMs = 36 * 3_600_000

export interface ShiftPlan { readonly shifts: readonly ShiftConfig[]; readonly people: readonly PersonConfig[]; readonly timezone: string }

/** Days and shifts of a site. */
export function createShiftDays({ shifts, timezone }: Pick<ShiftPlan, 'shifts' | 'timezone'>) {
  const zone = createZone(timezone)
  const plans = shifts.map(({ id, name, plan }) => ({ id, name: name ?? null, plan: plan.map(({ when, people, rotate }) => ({ week: weekOf(when), people, rotate: rotate && { days: rotate.days, since: dateOf(rotate.since)! } })) }))
  return {
    dayOf: (at: EpochMs): string => new Date(at + zone.offset(at)).toISOString().slice(0, 10),
    /** Those that began on that day, in order; the whole day is the last. Null for what is no day. */
    of(day: string, duties: readonly Duty[], now: EpochMs): readonly Shift[] | null {
      const date = dateOf(day)
      if (date === null) return null
      const [from, to] = [zone.toUtc(date * dayMs), zone.toUtc((date + 1) * dayMs)]
      const begun = [...duties.filter((duty) => duty.from >= from && duty.from < to).map((duty) => deskShift(day, duty, now, zone)), ...plans.flatMap((plan) => planned(plan, day, date, zone))].filter((shift) => shift.from <= now)
      return [...begun.toSorted((a, b) => a.from - b.from || (a.id < b.id ? -1 : 1)), { id: `${day}/day`, kind: 'day', name: null, people: [], from, to, open: false, cut: false }]
    },
  }
}

function deskShift(day: string, { person, from, to }: Duty, now: EpochMs, zone: Zone): Shift {
  const end = to ?? Math.max(now, from)
  return { id: `${day}/desk/${new Date(from + zone.offset(from)).toISOString().slice(11, 19).replaceAll(':', '')}-${person}`, kind: 'desk', name: null, people: [person], from, to: Math.min(end, from + maxMs), open: to === null, cut: end - from > maxMs }
}

interface Planned { readonly id: string; readonly name: Label | null; readonly plan: readonly { readonly week: ReturnType<typeof weekOf>; readonly people: readonly string[]; readonly rotate: { readonly days: number; readonly since: number } | undefined }[] }

/** One plan may give the same hours to several: they are on duty together. */
function planned({ id, name, plan }: Planned, day: string, date: number, zone: Zone): readonly Shift[] {
  const byHours = new Map<string, Shift>()
  for (const { week, people, rotate } of plan) {
    const turn = rotate ? Math.floor((date - rotate.since) / rotate.days) : 0
    const on = rotate ? [people[((turn % people.length) + people.length) % people.length]!] : people
    for (const { from, to } of week[weekdayOf(date)]!) {
      const known = byHours.get(`${from}-${to}`)
      const begin = `${Math.floor(from / 60)}`.padStart(2, '0') + `${from % 60}`.padStart(2, '0')
      byHours.set(`${from}-${to}`, { id: `${day}/${id}/${begin}`, kind: 'plan', name, people: [...new Set([...known?.people ?? [], ...on])], from: zone.toUtc(date * dayMs + from * 60_000), to: zone.toUtc(date * dayMs + to * 60_000), open: false, cut: false })
    }
  }
  return [...byHours.values()]
}
