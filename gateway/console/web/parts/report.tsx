import type { ComponentChildren, JSX } from 'preact'
import type { EpochMs, Severity } from '../../../contract/index.ts'
import { momentOf } from '../format.ts'
import { say, t } from '../language.ts'
import { SeverityShape } from '../shapes.tsx'
import { now, session } from '../state.ts'
import { named } from '../language.ts'

type Cell = ComponentChildren

/** A table that repeats its head on every page; nothing where there are no rows but `none`. */
export function Rows({ head, rows, none }: { readonly head: readonly string[]; readonly rows: readonly (readonly Cell[])[]; readonly none?: string }): JSX.Element {
  if (rows.length === 0) return <p class="empty">{none ?? t('none')}</p>
  return (
    <div class="wide-table"><table>
      <thead><tr>{head.map((each) => <th scope="col" key={each}>{each}</th>)}</tr></thead>
      <tbody>{rows.map((row, index) => <tr key={index}>{row.map((cell, at) => (at === 0 ? <th scope="row" key={at}>{cell}</th> : <td key={at}>{cell}</td>))}</tr>)}</tbody>
    </table></div>
  )
}

export function Part({ title, children }: { readonly title: string; readonly children: ComponentChildren }): JSX.Element {
  return <section class="report-part"><h3>{title}</h3>{children}</section>
}

/** Few numbers that are read before all else. */
export function Figures({ of }: { readonly of: readonly (readonly [name: string, value: Cell])[] }): JSX.Element {
  return <dl class="figures">{of.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
}

export const Level = ({ severity }: { readonly severity: Severity }): JSX.Element => <span class={`severity severity-${severity}`}><SeverityShape severity={severity} />{t(`severity${severity}`)}</span>

export function Paper({ title, sub, children }: { readonly title: string; readonly sub: ComponentChildren; readonly children: ComponentChildren }): JSX.Element {
  return (
    <article class="report card">
      <header class="report-head"><div><h2>{session.value ? named(session.value.site.name) : ''} · {title}</h2><p>{sub}</p></div><button type="button" class="primary" onClick={() => print()}>{t('print')}</button></header>
      {children}
    </article>
  )
}

/** 40 seconds, 12 minutes, 3.5 hours. */
export function spanOf(seconds: number | null): string {
  if (seconds === null) return '—'
  if (seconds < 90) return say('seconds', Math.round(seconds))
  if (seconds < 5_400) return say('minutes', Math.round(seconds / 60))
  return seconds < 172_800 ? say('hours', Math.round(seconds / 360) / 10) : say('days', Math.round(seconds / 8_640) / 10)
}
export const percentOf = (share: number | null): string => (share === null ? t('notKnown') : `${(share * 100).toFixed(1)} %`)
export const moment = (at: EpochMs): string => momentOf(at, now.value)
