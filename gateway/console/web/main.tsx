import './styles.css'
import { effect } from '@preact/signals'
import { options, render } from 'preact'
import { call } from './api.ts'
import { App } from './app.tsx'
import { clock } from './clock.ts'
import { language, t } from './language.ts'
import { link, load, refresh, session, setSession } from './state.ts'
import { go, page } from './route.ts'
import { claimCode } from './pages/sign-in.tsx'
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
  // Out of the QR code that the terminal shows.
  const code = /^#claim=([0-9A-Za-z-]{1,40})$/.exec(location.hash)?.[1]
  if (code) { history.replaceState(null, '', location.pathname); claimCode.value = code }
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
  // The first admin is led through the first steps; where one has got to is in the address.
  if (is && session.peek()?.setup && page.peek() !== 'setup') go('setup', '1')
  if (is) openStream()
  else closeStream()
})
// The line to the city is not part of the stream.
clock.every(5_000, () => { if (page.peek() === 'link' && link.peek() && signedIn) void load.link() })
// A device whose values stand still is heard all the same: when, only the gateway knows.
clock.every(15_000, () => { if (page.peek() === 'devices' && signedIn) void refresh() })
