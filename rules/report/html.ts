import { escapeHtml } from '../../gateway/kit/html.ts'
import type { Label } from '../../gateway/contract/index.ts'
import type { ReportFigures, Times } from './figures.ts'
import { severityWords } from '../../gateway/kit/severity-words.ts'
import { words } from './words.ts'

export interface ReportNames {
  readonly site: Label
  /** Of devices, kiosks and points, by id. */
  readonly names: Readonly<Record<string, Label>>
  /** Of points. */
  readonly units: Readonly<Record<string, string>>
}
type Word = keyof typeof words
type Cell = string

const both = ({ zh, en }: Label): string => `${escapeHtml(zh)} <small>${escapeHtml(en)}</small>`
const word = (name: Word): string => both(words[name])
const percent = (share: number | null): Cell => (share === null ? `<em>${word('unknown')}</em>` : `${(share * 100).toFixed(1)} %`)

/** `45 s`, `12 min`, `3.5 h`, `2.1 d`. */
export function spanOf(seconds: number | null): string {
  if (seconds === null) return '–'
  if (seconds < 90) return `${Math.round(seconds)} s`
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${(seconds / 3_600).toFixed(1)} h` : `${(seconds / 86_400).toFixed(1)} d`
}
const times = ({ n, medianS, p90S, inTime }: Times): readonly Cell[] => [n === 0 ? '–' : `${spanOf(medianS)} / ${spanOf(p90S)}`, n === 0 ? '–' : `${inTime} / ${n}`]

function table(head: readonly Word[], rows: readonly (readonly Cell[])[]): string {
  if (rows.length === 0) return `<p>${word('none')}</p>`
  return `<table><thead><tr>${head.map((each) => `<th>${word(each)}</th>`).join('')}</tr></thead><tbody>${rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('')}</tbody></table>`
}
const section = (name: Word, content: string): string => `<section><h2>${word(name)}</h2>${content}</section>`

/** One page that needs nothing else, for a screen and for A4. Every text of the site is escaped. */
export function renderReport(figures: ReportFigures, { site, names, units }: ReportNames): string {
  const name = (id: string): Cell => (Object.hasOwn(names, id) ? both(names[id]!) : escapeHtml(id))
  return `<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(`${site.zh} ${words.title.zh} ${figures.month}`)}</title><style>${style}</style></head>
<body><h1>${both(site)}<br>${word('title')} ${escapeHtml(figures.month)}</h1>${figures.complete ? '' : `<p><em>${word('unfinished')}</em></p>`}
${section('watched', watched(figures))}
${section('terminals', table(['terminal', 'availability', 'limited', 'down', 'notKnown', 'sessions'], figures.terminals.map((each) => [name(each.kiosk), percent(each.availability), spanOf(each.degradedS), spanOf(each.downS), spanOf(each.unknownS), String(each.sessions)])))}
${section('alerts', alerts(figures))}
${section('devices', `<p>${word('all')}: <b>${percent(figures.devices.online)}</b> (${figures.devices.known} / ${figures.devices.count})</p>${table(['worst', 'online'], figures.devices.list.filter(({ online }) => online === null || online < 1).slice(0, 10).map((each) => [name(each.device), percent(each.online)]))}`)}
${section('climate', table(['point', 'range', 'within', 'ofService'], figures.climate.map((each) => [name(each.point), escapeHtml(`${each.min ?? ''}–${each.max ?? ''} ${units[each.point] ?? ''}`), percent(each.within), percent(each.serviceS > 0 ? each.knownS / each.serviceS : null)])))}
${section('energy', table(['point', 'consumption', 'resets', 'watched'], figures.energy.map((each) => [name(each.point), each.kWh === null ? `<em>${word('unknown')}</em>` : each.kWh.toFixed(1), String(each.resets), each.kWh === null || each.complete ? '' : word('incomplete')])))}
${section('ratings', table(['count', 'mean', 'poor'], [[String(figures.ratings.n), figures.ratings.mean === null ? '–' : figures.ratings.mean.toFixed(2), String(figures.ratings.poor)]]))}
<footer>${word('left')}</footer></body></html>
`
}

function watched({ watched: known }: ReportFigures): string {
  if (!known) return `<p><em>${word('noHistory')}</em></p>`
  const days = (list: readonly string[]): string => (list.length === 0 ? word('none') : escapeHtml(list.join(', ')))
  return `<p>${word('known')}: <b>${percent(known.ofS > 0 ? known.knownS / known.ofS : null)}</b></p><p>${word('daysWithout')}: ${days(known.daysWithout)}</p><p>${word('daysPartly')}: ${days(known.daysPartly)}</p>`
}

function alerts({ alerts: { bySeverity, reopened }, calls }: ReportFigures): string {
  const rows = bySeverity.map(({ severity, raised, response, closing, unanswered, open }) => [both(severityWords[severity]), String(raised), ...times(response), ...times(closing), String(unanswered), String(open)])
  return `${table(['severity', 'raised', 'response', 'inTime', 'closing', 'inTime', 'unanswered', 'open'], rows)}<p>${word('reopened')}: ${reopened.n} / ${reopened.of}${reopened.share === null ? '' : ` (${percent(reopened.share)})`} · ${word('calls')}: ${calls}</p>`
}

const style = `@page{size:A4;margin:14mm}body{font:13px/1.5 system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif;color:#111;max-width:190mm;margin:1em auto;padding:0 1em}
h1{font-size:1.5em;line-height:1.35}h2{font-size:1.1em;border-bottom:1px solid #999;margin:1.2em 0 .4em}section{break-inside:avoid}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.25em .5em;border-bottom:1px solid #ddd;vertical-align:top}small{color:#555;font-weight:normal}em{color:#8a4b00;font-style:normal}p{margin:.3em 0}footer{margin-top:2em;color:#555}
@media print{body{margin:0;padding:0;max-width:none}}`
