import { escapeHtml } from '../../gateway/kit/html.ts'
import type { Label, Value } from '../../gateway/contract/index.ts'
import { counted, type CheckResult, type SignedCommissioning } from './report.ts'
import { siteTime } from './site-time.ts'
import { reasonLabel, reasons, words } from './words.ts'

const both = ({ zh, en }: Label): string => `${escapeHtml(zh)} <small>${escapeHtml(en)}</small>`
const word = (name: keyof typeof words): string => both(words[name])

/** One page that needs nothing else, for a screen and for A4, with lines to sign. `zone`: the site's time zone. Every text of the site is escaped. */
export function renderCommissioning({ commissioning: report, signature }: SignedCommissioning, zone: string): string {
  const { passed, failed, skipped } = counted(report)
  const time = (at: number | undefined): string => { if (at === undefined) return '–'; const { date, time: hour, offset } = siteTime(at, zone); return `${date} ${hour}.${String(at % 1_000).padStart(3, '0')} <small>${offset}</small>` }
  const rows = report.results.map((each) => `<tr class="${each.outcome}"><td>${both(each.device)}<br>${both(each.name)}<br><code>${escapeHtml(each.point)}</code></td><td><b>${word(each.outcome)}</b>${note(each)}</td><td>${change(each)}</td><td>${time(each.seenAt)}${delay(each)}</td><td>${receipt(each)}</td></tr>`)
  const facts: readonly (readonly [keyof typeof words, string])[] = [
    ['gateway', escapeHtml(`${report.gateway} · ${report.region}`)], ['by', escapeHtml(report.by)], ['time', `${time(report.beganAt)} – ${time(report.endedAt)} (${escapeHtml(report.timeQuality)})`],
    ['version', escapeHtml(report.version)], ['siteFile', `<code>${escapeHtml(report.siteFile.slice(0, 16))}</code>`], ['signature', `<code>${escapeHtml(`${signature.algorithm} ${signature.keyId}`)}</code>`],
  ]
  return `<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(`${report.site.zh} ${words.title.zh}`)}</title><style>${style}</style></head>
<body><h1>${both(report.site)}<br>${word('title')}</h1>
<dl>${facts.map(([name, text]) => `<dt>${word(name)}</dt><dd>${text}</dd>`).join('')}</dl>
<p class="sum">${word('points')}: <b>${report.results.length}</b> · ${word('done')}: <b>${passed + failed}</b> · ${word('left')}: <b>${skipped}</b></p>
<p class="sum ${failed > 0 ? 'failed' : ''}">${word('passed')}: <b>${passed}</b> · ${word('failed')}: <b>${failed}</b> · ${word('skipped')}: <b>${skipped}</b></p>
<table><thead><tr>${(['point', 'outcome', 'change', 'seen', 'receipt'] as const).map((name) => `<th>${word(name)}</th>`).join('')}</tr></thead><tbody>${rows.join('\n')}</tbody></table>
<p class="sign"><span>${word('installer')}</span><span>${word('facility')}</span></p><footer>${word('twin')}</footer></body></html>
`
}

function note({ reason, swappedWith }: CheckResult): string {
  return `${swappedWith === undefined ? '' : `<br>${word('swapped')}: <code>${escapeHtml(swappedWith)}</code>`}${reason && reason !== reasons.untried ? `<br>${said(reason)}` : ''}`
}
const said = (reason: string): string => { const label = reasonLabel(reason); return label.zh === label.en ? escapeHtml(reason) : both(label) }
const shown = (value: Value | null | undefined): string => escapeHtml(value === undefined || value === null ? '–' : String(value))
const change = ({ before, after, unit }: CheckResult): string => (after === undefined ? '–' : `${shown(before)} → ${shown(after)}${unit && unit !== '1' ? ` ${escapeHtml(unit)}` : ''}`)
const delay = ({ stimulusAt, seenAt, receivedAt }: CheckResult): string =>
  (stimulusAt === undefined || seenAt === undefined || receivedAt === undefined ? '' : `<br>+${seenAt - stimulusAt} ms ${word('afterCall')}<br>+${receivedAt - seenAt} ms ${word('toGateway')}`)
const receipt = ({ receipt: told }: CheckResult): string => (told ? `${escapeHtml(told.uplink)}<br><code>${escapeHtml(`${told.stream}/${told.epoch}/${told.seq}`)}</code><br>+${told.afterMs} ms` : told === null ? word('noReceipt') : '–')

const style = `@page{size:A4;margin:14mm}body{font:12px/1.45 system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif;color:#111;max-width:190mm;margin:1em auto;padding:0 1em}
h1{font-size:1.5em;line-height:1.35}dl{display:grid;grid-template-columns:max-content 1fr;gap:.15em 1em;margin:0}dt{color:#555}dd{margin:0}table{border-collapse:collapse;width:100%;margin-top:.6em}thead{display:table-header-group}
tr{break-inside:avoid}th,td{text-align:left;padding:.3em .5em;border-bottom:1px solid #ddd;vertical-align:top;overflow-wrap:anywhere}small{color:#555;font-weight:normal}.sum{font-size:1.15em}tr.failed b,.sum.failed b:nth-of-type(2){color:#a40000}tr.skipped{color:#555}
.sign{display:flex;gap:2em;margin-top:3em}.sign span{flex:1;border-top:1px solid #111;padding-top:.3em}footer{margin-top:1.5em;color:#555}@media print{body{margin:0;padding:0;max-width:none}}`
