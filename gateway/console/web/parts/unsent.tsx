import type { JSX } from 'preact'
import { discard, unsent } from '../acts.ts'
import { momentOf } from '../format.ts'
import { named, say, t } from '../language.ts'
import { me, now, personName } from '../state.ts'

/** What was done at this desk and has not reached the gateway: how many, which, and a way not to send one. */
export function Unsent(): JSX.Element {
  const list = unsent.value
  return (
    <>
      <div role="status">{list.length > 0 ? <div class="banner unsent-count">{say('queuedActs', list.length)}</div> : null}</div>
      {list.length > 0 ? (
        <details class="banner unsent">
          <summary>{t('unsentShow')}</summary>
          <ul>{list.map((item) => (
            <li key={item.order.id}>
              <span><strong>{t(item.order.act)}</strong> {named(item.title)} · {momentOf(item.at, now.value)}{item.by === me.value ? '' : ` · ${say('unsentOf', personName(item.by))}`}</span>
              <button type="button" aria-label={say('discardOf', t(item.order.act), named(item.title))} onClick={() => discard(item)}>{t('discard')}</button>
            </li>
          ))}</ul>
        </details>
      ) : null}
    </>
  )
}
