import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import type { LinkAnswer } from '../../api/index.ts'
import { call } from '../api.ts'
import { bytesOf, lasting, momentOf, numberOf } from '../format.ts'
import { say, t, tState } from '../language.ts'
import { Loading } from '../parts/loading.tsx'
import { Failed, Why } from '../parts/problem.tsx'
import { StateShape, type StateMark } from '../shapes.tsx'
import { deadLetters, link, load, may, now } from '../state.ts'

type Uplink = LinkAnswer['uplinks'][number]
const failed = signal<string | null>(null)
const sent = signal(false)

export function Link(): JSX.Element {
  const answer = link.value
  if (!answer) return <><h1>{t('link')}</h1><Loading /></>
  return (
    <>
      <h1>{t('link')}</h1>
      {answer.uplinks.length === 0 ? <p class="empty">{t('link_none')}</p> : null}
      {answer.uplinks.map((uplink) => <UplinkCard uplink={uplink} streams={answer.streams} many={answer.uplinks.length > 1} key={uplink.id} />)}
      <section class="card"><dl class="facts">
        <dt>{t('storage')}</dt><dd>{say('used', Math.round(answer.fill * 100))} <meter min={0} max={1} high={0.8} value={answer.fill} aria-label={t('storage')} /></dd>
        <dt>{t('checkpoint')}</dt><dd>{answer.checkpoint ? momentOf(answer.checkpoint.at, now.value) : t('notYet')}</dd>
      </dl></section>
      <DeadLetters />
    </>
  )
}

const order = ['alert', 'event', 'telemetry', 'ledger']
const stateOf = ({ state }: Uplink): 'online' | 'connecting' | 'offline' => (state === 'online' ? 'online' : state === 'connecting' ? 'connecting' : 'offline')
const linkMarks: Readonly<Record<'online' | 'connecting' | 'offline', StateMark>> = { online: 'good', connecting: 'unknown', offline: 'bad' }

function UplinkCard({ uplink, streams, many }: { readonly uplink: Uplink; readonly many: boolean; readonly streams: LinkAnswer['streams'] }): JSX.Element {
  const state = stateOf(uplink)
  const waiting = Object.values(uplink.backlog).reduce((sum, { records }) => sum + records, 0)
  return (
    <section class="card">
      <h2 class="big-state"><StateShape state={linkMarks[state]} />{t(`link_${state}`)}{many ? <code>{uplink.id}</code> : null}</h2>
      <p>{waiting === 0 ? t('linkUpToDate') : say('backlogNow', numberOf(waiting))}{state === 'offline' ? ` · ${t('linkNothingLost')}` : ''}</p>
      <p class="quiet-line"><span>{say('since', momentOf(uplink.since, now.value))}</span>{waiting > 0 && uplink.drainMs !== null ? <span>{t('drain')} {lasting(uplink.drainMs)}</span> : null}</p>
      {uplink.lastError && state !== 'online' ? <><strong>{t('lastError')}</strong><Why code={uplink.lastError} heading={false} /></> : null}
      <table>
        <caption>{t('backlog')}</caption>
        <thead><tr><th scope="col">{t('name')}</th><th scope="col">{t('records')}</th><th scope="col">{t('size')}</th><th scope="col">{t('oldest')}</th><th scope="col">{t('room')}</th></tr></thead>
        <tbody>{Object.entries(uplink.backlog).toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b)).map(([stream, { records, bytes, oldestAt }]) => {
          const roomMs = streams[stream]?.roomMs
          return <tr key={stream}><th scope="row">{tState('stream', stream)}</th><td>{numberOf(records)}</td><td>{bytesOf(bytes)}</td><td>{oldestAt === null ? '—' : momentOf(oldestAt, now.value)}</td><td>{roomMs === null || roomMs === undefined ? t('unlimited') : lasting(roomMs)}</td></tr>
        })}</tbody>
      </table>
    </section>
  )
}

async function resend(ids: 'all' | string[]): Promise<void> {
  const answer = await call('orderDeadLetters', { body: { action: 'resend', ids } })
  failed.value = answer.ok ? null : answer.problem.code
  sent.value = answer.ok
  await load.deadLetters()
}

function DeadLetters(): JSX.Element {
  const letters = deadLetters.value
  return (
    <section class="card" aria-labelledby="dead">
      <h2 id="dead">{t('deadLetters')}</h2>
      <Failed code={failed.value} />
      <div role="status">{sent.value ? t('resent') : null}</div>
      {letters === null ? <Loading /> : letters.length === 0 ? <p>{t('noDeadLetters')}</p> : (
        <ul class="letters">{letters.map((letter) => (
          <li key={letter.id}>
            <span>{momentOf(letter.at, now.value)} · {tState('stream', letter.stream)}</span><code>{letter.reason}</code>
            {may('installer') ? <button type="button" onClick={() => void resend([letter.id])}>{t('resend')}</button> : null}
          </li>
        ))}</ul>
      )}
    </section>
  )
}
