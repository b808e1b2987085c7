/** `2026-11-26 16:20:05` in the site's zone, and `UTC+08:00`: a report is read years later, and elsewhere. */
export function siteTime(at: number, zone: string): { readonly date: string; readonly time: string; readonly offset: string } {
  const [date = '', time = ''] = new Date(at).toLocaleString('sv-SE', { timeZone: zone }).split(' ')
  const name = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' }).formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT'
  return { date, time, offset: name === 'GMT' ? 'UTC+00:00' : name.replace('GMT', 'UTC') }
}
