import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Answer, RouteName, ShiftsAnswer } from '../../api/index.ts'
import { call } from '../api.ts'
import { timeOf } from '../format.ts'
import { named, t } from '../language.ts'
import { Loading } from '../parts/loading.tsx'
import { Failed } from '../parts/problem.tsx'
import { MonthPaper } from '../parts/report-month.tsx'
import { ShiftPaper } from '../parts/report-shift.tsx'
import { go, hrefOf, trail } from '../route.ts'

/** A month is read from the disk minute by minute. */
const timeoutMs = 60_000

/** What a route answers; asked anew when the question is another. */
function useAnswer<K extends RouteName>(name: K, query: Readonly<Record<string, string>> | null): { readonly value: Answer<K> | null; readonly failed: string | null } {
  const [answer, setAnswer] = useState<{ readonly value: Answer<K> | null; readonly failed: string | null }>({ value: null, failed: null })
  const asked = JSON.stringify(query)
  useEffect(() => {
    let left = false
    setAnswer({ value: null, failed: null })
    if (query) void call(name, { query, timeoutMs }).then((found) => { if (!left) setAnswer(found.ok ? { value: found.value, failed: null } : { value: null, failed: found.problem.code }) })
    return () => { left = true }
  }, [name, asked])
  return answer
}

/** `#/reports`, `#/reports/month/2026-11`, `#/reports/shift/2026-11-26`, `#/reports/shift/2026-11-26/desk/075812-wang`. */
export function Reports(): JSX.Element {
  const [, kind, first, ...rest] = trail.value
  const known = useAnswer('reports', {})
  const day = kind === 'shift' && first ? first : known.value?.today
  return (
    <>
      <h1>{t('reports')}</h1>
      <div class="report-choice">
        <p>{t('reportsWhy')}</p>
        <Failed code={known.failed} />
        {!known.value ? (known.failed ? null : <Loading />) : (
          <div class="cards two">
            <section class="card"><h2>{t('shiftReports')}</h2>{day ? <ShiftChoice day={day} chosen={kind === 'shift' && rest.length > 0 ? [day, ...rest].join('/') : null} today={known.value.today} /> : null}</section>
            <section class="card"><h2>{t('monthReports')}</h2><ul class="report-links">{known.value.months.map(({ month, complete }) => <li key={month}><a href={hrefOf('reports', 'month', month)} aria-current={kind === 'month' && first === month ? 'true' : undefined}>{month}</a>{complete ? null : ` ${t('monthNow')}`}</li>)}</ul></section>
          </div>
        )}
      </div>
      {kind === 'month' && first ? <Month month={first} key={first} /> : null}
      {kind === 'shift' && first && rest.length > 0 ? <OfShift id={[first, ...rest].join('/')} key={trail.value.join('/')} /> : null}
    </>
  )
}

function ShiftChoice({ day, chosen, today }: { readonly day: string; readonly chosen: string | null; readonly today: string }): JSX.Element {
  const { value, failed } = useAnswer('shifts', { day })
  const words = ({ kind, name, people, from, to, open }: ShiftsAnswer['shifts'][number]): string => (kind === 'day' ? t('wholeDay')
    : [`${timeOf(from)}–${open ? t('notHandedOver') : timeOf(to)}`, name ? named(name) : '', people.map((each) => named(each.name)).join(' '), t(kind === 'desk' ? 'shiftDesk' : 'shiftPlan')].filter(Boolean).join(' · '))
  return (
    <>
      <div class="field"><label for="report-day">{t('day')}</label><input id="report-day" type="date" max={today} value={day} onChange={(event) => { if (event.currentTarget.value) go('reports', 'shift', event.currentTarget.value) }} /></div>
      <Failed code={failed} />
      {value ? <ul class="report-links">{value.shifts.map((shift) => <li key={shift.id}><a href={hrefOf('reports', 'shift', ...shift.id.split('/'))} aria-current={chosen === shift.id ? 'true' : undefined}>{words(shift)}</a></li>)}</ul> : failed ? null : <Loading />}
    </>
  )
}

function Month({ month }: { readonly month: string }): JSX.Element {
  const { value, failed } = useAnswer('monthReport', { month })
  return value ? <MonthPaper report={value} /> : failed ? <Failed code={failed} /> : <Loading />
}

function OfShift({ id }: { readonly id: string }): JSX.Element {
  const { value, failed } = useAnswer('shiftReport', { id })
  return value ? <ShiftPaper report={value} /> : failed ? <Failed code={failed} /> : <Loading />
}
