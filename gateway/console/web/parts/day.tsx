import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { EventsAnswer } from '../../api/index.ts'
import { call } from '../api.ts'
import { dayBegan, timeOf } from '../format.ts'
import { language, say, t, tState } from '../language.ts'
import { now } from '../state.ts'
import { Loading } from './loading.tsx'
import { Failed } from './problem.tsx'

const most = 500

/** What happened at a door or a terminal since midnight, asked for when it is unfolded. */
export function Day({ of }: { readonly of: { readonly door: string } | { readonly terminal: string } }): JSX.Element {
  const [answer, setAnswer] = useState<EventsAnswer | null>(null)
  const [open, setOpen] = useState(false)
  const [failed, setFailed] = useState<string | null>(null)
  const unfold = async (event: Event): Promise<void> => {
    const { open } = event.currentTarget as HTMLDetailsElement
    setOpen(open)
    if (!open) return
    const found = await call('events', { query: { from: dayBegan(now.value), to: now.value + 60_000, types: 'access,kiosk,evaluation,request', limit: most, ...of } })
    setFailed(found.ok ? null : found.problem.code)
    if (found.ok) setAnswer(found.value)
  }
  const told = answer?.events.map((event) => ({ at: event.at, text: wordsOf(event) }))
  return (
    <details class="day" onToggle={(event) => void unfold(event)}>
      <summary>{t('dayEvents')}</summary>
      <Failed code={failed} />
      {!told ? (open && !failed ? <Loading /> : null) : told.length === 0 ? <p class="empty">{t('dayNothing')}</p> : (
        <>
          {answer!.more ? <p>{t('dayMore')}</p> : null}
          <ol class="recent scroll" tabIndex={0} aria-label={t('dayEvents')}>{told.map(({ at, text }, index) => <li key={index}><time dateTime={new Date(at).toISOString()}>{timeOf(at)}</time> {text}</li>)}</ol>
        </>
      )}
    </details>
  )
}

function wordsOf({ type, data }: EventsAnswer['events'][number]): string {
  const text = (key: string): string | undefined => (typeof data[key] === 'string' ? data[key] : undefined)
  const item = text(language.value === 'zh' ? 'itemZh' : 'itemEn') ?? text('item')
  switch (type) {
    case 'access': return tState('event', (text('result') ?? '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))
    case 'request': return t('dayCall')
    case 'evaluation': return [say('rated', Number(data.score ?? 0)), item].filter(Boolean).join(' · ')
    default: return data.action === 'state' ? tState('kiosk', text('state') ?? 'unknown') : [item, text('result') === 'done' ? t('dayDone') : t('dayCancelled')].filter(Boolean).join(' · ')
  }
}
