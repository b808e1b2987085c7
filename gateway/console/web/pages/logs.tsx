import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { LogsAnswer } from '../../api/index.ts'
import { call } from '../api.ts'
import { clock } from '../clock.ts'
import { dayOf, timeOf } from '../format.ts'
import { say, t } from '../language.ts'
import { Field } from '../parts/dialog.tsx'
import { Loading } from '../parts/loading.tsx'
import { Failed } from '../parts/problem.tsx'
import { hrefOf } from '../route.ts'
import { may } from '../state.ts'

type Line = LogsAnswer['lines'][number]
const everyMs = 2_000
/** What the gateway keeps, and what this page shows at most. */
const most = 2_000
const levels = ['debug', 'info', 'warn', 'error'] as const

/** The log of the gateway as text: what devices sent is shown, never run. */
export function Logs(): JSX.Element {
  const [filter, setFilter] = useState({ level: 'info', room: '', text: '' })
  const [lines, setLines] = useState<readonly Line[] | null>(null)
  const [rooms, setRooms] = useState<readonly string[]>([])
  const [missed, setMissed] = useState(0)
  const [paused, setPaused] = useState(false)
  const [failed, setFailed] = useState<string | null>(null)
  const [copied, setCopied] = useState(false)
  const end = useRef<HTMLPreElement>(null)
  const cursor = useRef<string | null>(null)
  useEffect(() => { cursor.current = null; setLines(null); setMissed(0) }, [filter.level, filter.room, filter.text])
  useEffect(() => {
    if (paused || !may('installer')) return
    let gone = false
    let busy = false
    const ask = async (): Promise<void> => {
      if (busy) return
      busy = true
      const from = cursor.current
      const got = await call('logs', { query: { level: filter.level, limit: most, ...(filter.room ? { room: filter.room } : {}), ...(filter.text ? { text: filter.text } : {}), ...(from ? { cursor: from } : {}) } })
      busy = false
      if (gone) return
      setFailed(got.ok ? null : got.problem.code)
      if (!got.ok) return
      const anew = from === null || got.value.cursor.split('-')[0] !== from.split('-')[0]
      cursor.current = got.value.cursor
      setRooms(got.value.rooms)
      if (got.value.missed > 0) setMissed((before) => before + got.value.missed)
      setLines((before) => (anew ? got.value.lines : [...before ?? [], ...got.value.lines].slice(-most)))
    }
    void ask()
    const stop = clock.every(everyMs, () => void ask())
    return () => { gone = true; stop() }
  }, [paused, filter.level, filter.room, filter.text])
  // Who has scrolled up is reading.
  useEffect(() => { const box = end.current; if (box && box.scrollHeight - box.scrollTop - box.clientHeight < 200) box.scrollTop = box.scrollHeight }, [lines])
  if (!may('installer')) return <><h1>{t('logs')}</h1><p class="empty">{t('notAllowed')}</p></>
  const text = lines?.map(textOf).join('\n') ?? ''
  return (
    <>
      <a class="back" href={hrefOf('installer')}>‹ {t('installer')}</a>
      <h1>{t('logs')}</h1>
      <p>{t('logsWhy')}</p>
      <Failed code={failed} />
      <div class="filters">
        <Field label={t('logLevel')}>{(id) => <select id={id} value={filter.level} onChange={(event) => setFilter({ ...filter, level: event.currentTarget.value })}>{levels.map((each) => <option key={each} value={each}>{t(`level_${each}`)}</option>)}</select>}</Field>
        <Field label={t('logRoom')}>{(id) => <select id={id} value={filter.room} onChange={(event) => setFilter({ ...filter, room: event.currentTarget.value })}><option value="">{t('all')}</option>{rooms.map((each) => <option key={each} value={each}>{each}</option>)}</select>}</Field>
        <Field label={t('search')}>{(id) => <input id={id} type="search" maxLength={200} value={filter.text} onChange={(event) => setFilter({ ...filter, text: event.currentTarget.value })} />}</Field>
      </div>
      <div class="actions">
        <button type="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>{t(paused ? 'logGoOn' : 'logPause')}</button>
        <button type="button" disabled={text === ''} onClick={() => void copy(text, end.current).then((done) => { setCopied(done); clock.after(3_000, () => setCopied(false)) })}>{t('copy')}</button>
        <span role="status">{copied ? t('copied') : ''}</span>
      </div>
      {missed > 0 ? <p class="warn">{say('logsMissed', missed)}</p> : null}
      {lines === null ? <Loading /> : lines.length === 0 ? <p class="empty">{t('logsNone')}</p> : (
        <pre class="log" lang="en" tabIndex={0} role="log" aria-live="off" aria-label={t('logs')} ref={end}>{lines.map((line) => <span key={line.seq} class={`log-${line.level}`}>{`${textOf(line)}\n`}</span>)}</pre>
      )}
    </>
  )
}

/** As `linli logs` writes it, in the site's time. */
function textOf({ at, level, where, code, text, more }: Line): string {
  const rest = Object.entries(more).map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  const moment = at === null ? '-' : `${dayOf(at)} ${timeOf(at)}:${String(Math.floor(at / 1_000) % 60).padStart(2, '0')}`
  return [moment, level.toUpperCase(), where ?? '-', ...(code === undefined ? [] : [code]), text, ...rest].join(' ').replaceAll(/[\n\r]/g, ' ')
}

/** Without TLS a browser on the network lends no clipboard: then it is selected, and Ctrl-C takes it. */
async function copy(text: string, box: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    if (box) getSelection()?.selectAllChildren(box)
    return false
  }
}
