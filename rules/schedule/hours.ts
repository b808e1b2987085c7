/** Pure: texts of hours and days to minutes. */
const names = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
const day = `(?:${names.join('|')})`
const time = String.raw`(?:[01]\d|2[0-3]):[0-5]\d`
const span = `${time}-(?:${time}|24:00)`
export const hoursPattern = new RegExp(`^${span}$`)
export const weeklyPattern = new RegExp(`^${day}(?:-${day})?(?:,${day}(?:-${day})?)*(?: ${span})+$`)

/** Minutes after midnight; `to` above 1440 reaches into the next day. */
export interface Span { readonly from: number; readonly to: number }

/** `22:00-06:00` goes over midnight; `00:00-24:00` is a whole day, and so is `08:00-08:00`. */
export function spanOf(text: string): Span {
  const [from, to] = text.split('-').map((part) => { const [hour, minute] = part.split(':').map(Number); return hour! * 60 + minute! }) as [number, number]
  return { from, to: to > from ? to : to + 1440 }
}

/** By day of the week, Monday first. */
export function weekOf(entries: readonly string[]): readonly (readonly Span[])[] {
  const week: Span[][] = names.map(() => [])
  for (const entry of entries) {
    const [days, ...spans] = entry.split(' ')
    for (const index of daysOf(days!)) week[index]!.push(...spans.map(spanOf))
  }
  return week
}

/** `sat-mon` goes over the weekend. */
function daysOf(text: string): readonly number[] {
  return [...new Set(text.split(',').flatMap((part) => {
    const [from, to = from] = part.split('-').map((name) => names.indexOf(name as (typeof names)[number])) as [number, number?]
    return Array.from({ length: ((to - from + 7) % 7) + 1 }, (_, step) => (from + step) % 7)
  }))]
}

/** Days since 1970 of a date that exists; null otherwise. */
export function dateOf(text: string): number | null {
  const [, year, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? []
  if (!year) return null
  const at = Date.UTC(Number(year), Number(month) - 1, Number(date))
  return new Date(at).toISOString().slice(0, 10) === text ? at / 86_400_000 : null
}

/** 0 is Monday. */
export const weekdayOf = (days: number): number => (((days + 3) % 7) + 7) % 7
