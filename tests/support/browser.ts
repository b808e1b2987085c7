import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { startFacility, type Facility } from '../../gateway/cli/demo/facility.ts'
import { createLog } from '../../gateway/kit/index.ts'
import { root } from './architecture.ts'
import { findTool } from './tools.ts'

/** Sizes that the pages are made for: a telephone, and an old office PC. */
export const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 } as const
export const desk = { viewport: { width: 1366, height: 768 } } as const

export interface Desk extends AsyncDisposable {
  readonly facility: Facility
  readonly browser: Browser
  readonly url: string
  /** A page of a context of its own, signed in as admin by a one-time address. */
  open(options?: Parameters<Browser['newContext']>[0], language?: 'zh' | 'en'): Promise<Page>
  /** All that a page told its console as an error, and what the CSP refused. */
  readonly complaints: readonly string[]
}

/** The demo building with its console, on ephemeral ports, and Debian's Chromium in front of it. The page is built when it is older than its sources. */
export async function startDesk(): Promise<Desk> {
  await using stack = new AsyncDisposableStack()
  spawnSync(process.execPath, [path.join(root, 'scripts/console.mjs')], { stdio: 'inherit' })
  const facility = stack.use(await startFacility(createLog({ level: 'silent' })))
  const page = facility.gateway.console
  if (!page) throw new Error('the demo has no console')
  // No flag about autoplay: whether sound needs a tap is what is tested.
  const browser = await chromium.launch({ executablePath: findTool('chromium')!, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
  stack.defer(() => browser.close())
  const complaints: string[] = []
  const owned = stack.move()
  return {
    facility, browser, complaints, url: page.url,
    async open(options = desk, language = 'zh') {
      const context: BrowserContext = await browser.newContext({ timezoneId: 'UTC', locale: 'en-US', ...options })
      if (language === 'en') await context.addInitScript(() => { if (!localStorage.getItem('linli.language')) localStorage.setItem('linli.language', 'en') })
      const opened = await context.newPage()
      opened.on('pageerror', (error) => complaints.push(`${error}`))
      opened.on('console', (message) => { if (message.type() === 'error' && !/Failed to load resource|ERR_/.test(message.text())) complaints.push(message.text()) })
      await opened.goto(page.openUrl())
      await opened.locator('.sentence').waitFor()
      return opened
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
