import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import type { AlertView } from '../../api/index.ts'
import { timeOf } from '../format.ts'
import { say, t } from '../language.ts'
import { AlertList, grouped } from '../parts/alert-list.tsx'
import { Loading } from '../parts/loading.tsx'
import { alerts, now, overview } from '../state.ts'
import { isOpen } from '../../alert-states.ts'

const filters = ['open', 'shelvedOnes', 'standing', 'closed'] as const
const filter = signal<(typeof filters)[number]>('open')
const severity = signal(0)
const dayMs = 86_400_000
/** So many groups are drawn at first; an old PC has 500 alerts on one page otherwise. */
const step = 40
const shown = signal(step)

const chosen = (all: { readonly open: readonly AlertView[]; readonly closed: readonly AlertView[] }): readonly AlertView[] => {
  const list = filter.value === 'closed' ? [...all.open.filter(({ state }) => state === 'resolved'), ...all.closed] : all.open.filter((alert) => {
    if (filter.value === 'shelvedOnes') return alert.shelved !== undefined
    if (!isOpen(alert) || alert.shelved) return false
    return filter.value === 'open' || alert.raisedAt < now.value - dayMs
  })
  return severity.value === 0 ? list : list.filter((alert) => alert.severity === severity.value)
}

export function FloodBanner(): JSX.Element | null {
  const flood = overview.value?.summary.flood
  return flood ? <div class="banner flood" role="status"><strong>{say('flood', flood.count, timeOf(flood.since))}</strong> {t('floodAdvice')}</div> : null
}

export function Alerts(): JSX.Element {
  const all = alerts.value
  if (!all) return <><h1>{t('alerts')}</h1><Loading /></>
  const groups = [...grouped(chosen(all))]
  return (
    <>
      <h1>{t('alerts')}</h1>
      <div class="filters" role="group" aria-label={t('filters')}>
        {filters.map((each) => <button type="button" key={each} aria-pressed={filter.value === each} onClick={() => { filter.value = each; shown.value = step }}>{t(each)}</button>)}
        <select aria-label={t('filters')} value={severity.value} onChange={(event) => { severity.value = Number(event.currentTarget.value) }}>
          <option value={0}>{t('allSeverities')}</option>
          {([1, 2, 3, 4] as const).map((each) => <option key={each} value={each}>{t(`severity${each}`)}</option>)}
        </select>
      </div>
      {groups.length === 0 ? <p class="empty">{t('noneHere')}</p> : null}
      <AlertList groups={groups.slice(0, shown.value)} step={step} />
      {groups.length > shown.value ? <button type="button" class="wide" onClick={() => { shown.value += step }}>{t('more')} ({groups.length - shown.value})</button> : null}
    </>
  )
}
