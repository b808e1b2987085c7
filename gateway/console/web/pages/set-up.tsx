import { signal } from '@preact/signals'
import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Severity } from '../../../contract/index.ts'
import type { Answer } from '../../api/index.ts'
import { call } from '../api.ts'
import { momentOf } from '../format.ts'
import { chooseLanguage, language, named, say, t } from '../language.ts'
import { Pins, Users } from '../parts/accounts.tsx'
import { SeverityTag } from '../parts/alert-card.tsx'
import { Failed } from '../parts/problem.tsx'
import { go, hrefOf } from '../route.ts'
import { play, soundOn, startWatching } from '../sound.ts'
import { devices, link, load, now, session } from '../state.ts'
import type { Word } from '../words.ts'

const steps: readonly { readonly title: Word; readonly body: () => JSX.Element }[] = [
  { title: 'setupPlace', body: Place }, { title: 'setupPeople', body: People }, { title: 'setupSound', body: Sound }, { title: 'setupNext', body: Next },
]
const failed = signal<string | null>(null)

/** The first steps of a new box. That they are over is kept by the gateway, so no other browser begins them again. */
export function SetUp({ step }: { readonly step: number }): JSX.Element {
  const at = Math.min(Math.max(Number.isInteger(step) ? step : 1, 1), steps.length)
  const { title, body: Body } = steps[at - 1]!
  const finish = async (): Promise<void> => {
    const answer = await call('changeSetup', { body: { open: false, language: language.value } })
    failed.value = answer.ok ? null : answer.problem.code
    if (answer.ok) { await load.session(); go('home') }
  }
  return (
    <>
      <p class="quiet-line">{say('stepOf', at, steps.length)}</p>
      <h1>{t(title)}</h1>
      <Body />
      <Failed code={failed.value} />
      <div class="actions set-up">
        {at > 1 ? <button type="button" onClick={() => go('setup', `${at - 1}`)}>{t('stepBack')}</button> : null}
        {at < steps.length ? <button type="button" class="primary" onClick={() => go('setup', `${at + 1}`)}>{t('stepOn')}</button> : <button type="button" class="primary" onClick={() => void finish()}>{t('setupDone')}</button>}
        {at < steps.length && session.value?.setup ? <button type="button" class="plain" onClick={() => void finish()}>{t('setupSkip')}</button> : null}
      </div>
    </>
  )
}

function Place(): JSX.Element {
  const site = session.value!.site
  return (
    <>
      <fieldset class="choices card"><legend>{t('setupLanguage')}</legend>
        {(['zh', 'en'] as const).map((each) => <label key={each} lang={each === 'zh' ? 'zh-CN' : 'en'}><input type="radio" name="language" checked={language.value === each} onChange={() => { chooseLanguage(each); void call('changeSetup', { body: { language: each } }) }} /><span>{each === 'zh' ? '中文' : 'English'}</span></label>)}
      </fieldset>
      <section class="card">
        <h2>{t('setupIsThis')}</h2>
        <p class="big-state">{named(site.name)}</p>
        <dl class="facts"><dt>{t('setupId')}</dt><dd><code>{site.id}</code></dd><dt>{t('setupRegion')}</dt><dd><code>{site.region}</code></dd><dt>{t('setupClock')}</dt><dd>{momentOf(now.value, 0)} <code>{site.timezone}</code></dd></dl>
        <p>{t('setupWrong')}</p>
      </section>
    </>
  )
}

function People(): JSX.Element {
  return <><p>{t('setupPeopleWhy')}</p><Pins /><Users /></>
}

const severities: readonly Severity[] = [1, 2, 3, 4]
function Sound(): JSX.Element {
  const [heard, setHeard] = useState<boolean | null>(null)
  return (
    <>
      <p>{t('setupSoundWhy')}</p>
      <section class="card">
        {soundOn.value ? <p>{t('setupSoundTry')}</p> : <button type="button" class="primary wide" onClick={() => void startWatching()}>{t('watch')}</button>}
        <ul class="letters">{severities.map((severity) => <li key={severity}><SeverityTag severity={severity} /><button type="button" disabled={!soundOn.value} aria-label={`${t('setupPlay')} ${t(`severity${severity}`)}`} onClick={() => play(severity)}>{t('setupPlay')}</button></li>)}</ul>
      </section>
      {soundOn.value ? (
        <section class="card">
          <h2>{t('setupHeard')}</h2>
          <div class="actions"><button type="button" aria-pressed={heard === true} onClick={() => setHeard(true)}>{t('setupHeardYes')}</button><button type="button" aria-pressed={heard === false} onClick={() => setHeard(false)}>{t('setupHeardNo')}</button></div>
          <div role="status">{heard === null ? null : <p class={heard ? '' : 'warn'}>{t(heard ? 'setupHeardGood' : 'setupHeardHelp')}</p>}</div>
        </section>
      ) : null}
    </>
  )
}

function Next(): JSX.Element {
  const [setup, setSetup] = useState<Answer<'setup'> | null>(null)
  useEffect(() => { void call('setup').then((answer) => { if (answer.ok) setSetup(answer.value) }) }, [])
  const all = devices.value
  const well = all?.filter(({ state }) => state === 'online').length ?? 0
  const uplinks = link.value?.uplinks
  return (
    <>
      <Item title={t('devices')} to="devices">{all === null ? t('loading') : all.length === 0 ? t('setupNoDevices') : say('setupDevices', all.length, well)}</Item>
      <Item title={t('link')} to="link">{uplinks === undefined ? t('loading') : uplinks.length === 0 ? t('setupNoLink') : t(uplinks.every(({ state }) => state === 'online') ? 'link_online' : 'setupLinkOff')}</Item>
      {setup?.residents.on ? <Item title={t('setupResidents')}><>{t('setupResidentsHow')} <code>linli qr SITE.yaml --html codes.html</code></></Item> : null}
      {session.value?.siteCa ? <section class="card"><h2>{t('siteCa')}</h2><p>{t('siteCaWhy')}</p><p><a href={`/install?lang=${language.value}`} target="_blank" rel="noopener">{t('siteCaHow')}</a></p></section> : null}
      <p>{t('setupAgain')}</p>
    </>
  )
}
function Item({ title, to, children }: { readonly title: string; readonly to?: string; readonly children: ComponentChildren }): JSX.Element {
  return <section class="card"><h2>{title}</h2><p>{children}</p>{to ? <p><a href={hrefOf(to)}>{t('setupLook')}</a></p> : null}</section>
}
