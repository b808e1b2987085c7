import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { lasting } from './format.ts'
import { chooseLanguage, language, named, say, t } from './language.ts'
import { hrefOf, page, trail } from './route.ts'
import { Icon, type IconName } from './shapes.tsx'
import { may, refresh, session, waitingCount } from './state.ts'
import { cityState, silentMs, stale } from './stream.ts'
import { AlertPage } from './pages/alert.tsx'
import { Alerts, FloodBanner } from './pages/alerts.tsx'
import { DevicePage } from './pages/device.tsx'
import { Configuration } from './pages/configuration.tsx'
import { Devices } from './pages/devices.tsx'
import { Doors } from './pages/doors.tsx'
import { Home } from './pages/home.tsx'
import { Installer } from './pages/installer.tsx'
import { Link } from './pages/link.tsx'
import { Commissioning } from './pages/commissioning.tsx'
import { Discovery } from './pages/discovery.tsx'
import { Logs } from './pages/logs.tsx'
import { SetUp } from './pages/set-up.tsx'
import { Reports } from './pages/reports.tsx'
import { Shift } from './pages/shift.tsx'
import { SignIn } from './pages/sign-in.tsx'
import { Unsent } from './parts/unsent.tsx'
import { Watch } from './parts/watch.tsx'
import { Loading } from './parts/loading.tsx'

const pages: readonly { readonly name: IconName & ('home' | 'alerts' | 'devices' | 'doors' | 'link' | 'shift' | 'reports' | 'installer'); readonly first: boolean }[] = [
  { name: 'home', first: true }, { name: 'alerts', first: true }, { name: 'devices', first: true }, { name: 'doors', first: true }, { name: 'link', first: false }, { name: 'shift', first: false }, { name: 'reports', first: false }, { name: 'installer', first: false },
]
const mine = (): typeof pages => pages.filter(({ name }) => name !== 'installer' || may('installer'))

export function App(): JSX.Element {
  const known = session.value
  if (!known) return <main id="content"><h1 class="visually-hidden">{t('product')}</h1><Loading />{stale.value ? <p role="alert">{t('unreachable')}</p> : null}</main>
  if (known.state !== 'in') return <><Head /><main id="content" tabIndex={-1}>{known.unprotected ? <p class="banner">{t('plainHttp')}</p> : null}<SignIn /></main></>
  return (
    <>
      <a class="skip" href="#content" onClick={(event) => { event.preventDefault(); document.getElementById('content')?.focus() }}>{t('skip')}</a>
      <Head />
      <Menu />
      <div class="column">
        <Banners />
        <Content />
      </div>
    </>
  )
}

function Head(): JSX.Element {
  const known = session.value!
  return (
    <header class="head">
      <span class="site">{named(known.site.name)}</span>
      {known.state === 'in' ? <a class={known.person ? 'who' : 'who nobody'} href={hrefOf('shift')}><Icon name="shift" /><span>{known.person ? named(known.person.name) : may('staff') ? t('shiftNotHere') : known.user!.id}</span></a> : null}
      <button type="button" class="language" lang={language.value === 'zh' ? 'en' : 'zh-CN'} onClick={() => chooseLanguage(language.value === 'zh' ? 'en' : 'zh')}>{t('otherLanguage')}</button>
    </header>
  )
}

function Menu(): JSX.Element {
  const waiting = waitingCount.value
  const item = (name: IconName & Parameters<typeof t>[0], className = ''): JSX.Element => (
    <a class={className} href={hrefOf(name)} aria-current={page.value === name ? 'page' : undefined} key={name}><Icon name={name} /><span>{t(name)}</span>{name === 'alerts' && waiting > 0 ? <b class="count">{waiting}</b> : null}</a>
  )
  return <nav class="menu" aria-label={t('menu')}>{mine().map(({ name, first }) => item(name, first ? '' : 'not-on-phone'))}{item('more', 'only-on-phone')}</nav>
}

function Banners(): JSX.Element {
  const warnings = [...(!stale.value && cityState.value === 'offline' ? [t('internetDown')] : []), ...(session.value?.unprotected ? [t('plainHttp')] : [])]
  return (
    <>
      <Watch />
      <div role="alert">{stale.value ? <div class="banner stale"><strong>{t('stale')} · {say('staleFor', lasting(silentMs.value))}</strong> {t('staleMore')}</div> : null}</div>
      <div role="status">{warnings.map((text) => <div class="banner" key={text}>{text}</div>)}</div>
      <Unsent />
      <FloodBanner />
    </>
  )
}

function Content(): JSX.Element {
  const main = useRef<HTMLElement>(null)
  const first = useRef(true)
  const [ready, setReady] = useState<string | null>(null)
  const path = trail.value.join('/')
  useEffect(() => {
    let left = false
    void refresh().finally(() => { if (!left) setReady(path) })
    if (!first.current) { main.current?.focus({ preventScroll: true }); scrollTo(0, 0) }
    first.current = false
    return () => { left = true }
  }, [path])
  return <main id="content" ref={main} tabIndex={-1} data-place={path} aria-busy={ready !== path} class={stale.value ? 'is-stale' : ''}><Page /></main>
}

function Page(): JSX.Element {
  const [name = 'home', id] = trail.value
  switch (name) {
    case 'home': return <Home />
    case 'alerts': return id ? <AlertPage id={id} key={id} /> : <Alerts />
    case 'devices': return id ? <DevicePage id={id} key={id} /> : <Devices />
    case 'doors': return <Doors />
    case 'link': return <Link />
    case 'setup': return may('admin') ? <SetUp step={Number(id ?? 1)} key={id} /> : <Home />
    case 'shift': return <Shift />
    case 'reports': return <Reports />
    case 'installer': return <Installer />
    case 'logs': return <Logs />
    case 'configuration': return <Configuration />
    case 'discovery': return <Discovery />
    case 'commissioning': return <Commissioning />
    case 'more': return <More />
    default: return <><h1>{t('notFound')}</h1><p><a class="back" href={hrefOf('home')}>‹ {t('home')}</a></p></>
  }
}

function More(): JSX.Element {
  return <><h1>{t('more')}</h1><ul class="more-list">{mine().filter(({ first }) => !first).map(({ name }) => <li key={name}><a class="card" href={hrefOf(name)}><Icon name={name} />{t(name)}</a></li>)}</ul></>
}
