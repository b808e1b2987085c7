import './styles.css'
import { effect } from '@preact/signals'
import { options, render } from 'preact'
import { call } from './api.ts'
import { App } from './app.tsx'
import { clock } from './clock.ts'
import { language, t } from './language.ts'
import { link, load, session, setSession } from './state.ts'
import { page } from './route.ts'
import { closeStream, openStream } from './stream.ts'

// A flood of alerts comes as one event each: the page is drawn at most so often. No frame is asked for, since a hidden tab gets none.
options.debounceRendering = (draw) => { clock.after(16, draw) }
effect(() => { document.title = language.value && t('product') })
render(<App />, document.getElementById('app')!)

/** A one-time address of the box itself signs in by what stands behind `#open=`; it must not stay in the history. */
async function begin(): Promise<void> {
  const token = /^#open=([^&]+)/.exec(location.hash)?.[1]
  if (token) {
    history.replaceState(null, '', location.pathname)
    const answer = await call('open', { body: { token } })
    if (answer.ok) return setSession(answer.value)
  }
  await load.session()
}
async function untilKnown(): Promise<void> {
  await begin()
  if (!session.value) clock.after(2_000, () => void untilKnown())
}
void untilKnown()

let signedIn = false
effect(() => {
  const is = session.value?.state === 'in'
  if (is === signedIn) return
  signedIn = is
  if (is) openStream()
  else closeStream()
})
// The line to the city is not part of the stream.
clock.every(5_000, () => { if (page.peek() === 'link' && link.peek() && signedIn) void load.link() })
