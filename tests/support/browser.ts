import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import { startCity } from '../../cloud-sync/simulator.ts'
import type { ModbusConfig } from '../../drivers/modbus/settings.ts'
import { startModbusSimulator, type ModbusSimulator } from '../../drivers/modbus/simulator.ts'
import { readSite } from '../../gateway/cli/rooms.ts'
import type { Clock } from '../../gateway/contract/index.ts'
import { LogRing, silentLog, systemClock } from '../../gateway/kit/index.ts'
import { startGateway, type Gateway } from '../../gateway/main.ts'
import { root } from './architecture.ts'
import { siteFile } from './gateways.ts'
import { freePort } from './resources.ts'
import { findTool } from './tools.ts'

/** Chromium's engine without the windows and toolbars of its program: the same pages for a third less time. What concerns the program, such as its store of certificates, starts `chromium`. */
export const pageBrowser = 'chromium-headless-shell'
export const launchBrowser = (): Promise<Browser> => chromium.launch({ executablePath: findTool(pageBrowser)!, args: ['--no-sandbox', '--disable-dev-shm-usage'] })

/** What the pages are made for: a telephone, and an old office PC. */
export const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 } as const
export const office = { viewport: { width: 1366, height: 768 } } as const

/** A name that would do harm if it were ever taken for HTML. */
export const hostile = '<img src=x onerror="document.title=1">'

const label = (zh: string, en: string): string => `{ zh: ${JSON.stringify(zh)}, en: ${JSON.stringify(en)} }`
/** An alert while a contact is closed. */
export const rule = (id: string, point: string, severity: number, zh: string, en: string): string => `  - { id: ${id}, kind: condition, inputs: { on: ${point} }, when: on, severity: ${severity}, title: ${label(zh, en)} }`
const contact = (register: number, zh: string, en: string): string => `{ name: ${label(zh, en)}, type: boolean, table: discrete, register: ${register}, poll: 50ms }`

/** A small building whose every contact a test can move. */
const building = (modbus: number, city: string, rules: readonly string[]): readonly string[] => [
  `console: { enabled: true, listen: { port: 0 } }`,
  `places: { hall: ${label('办事大厅', 'service hall')}, cellar: ${label('地下室', 'cellar')}, lobby: ${label('门厅', 'lobby')} }`,
  'people:',
  `  - { id: wang, name: ${label('王师傅', 'Master Wang')}, role: property }`,
  `  - { id: li, name: ${label('李站长', 'Station head Li')}, role: community }`,
  'connections:', `  - { id: line, driver: modbus, host: 127.0.0.1, port: ${modbus}, timeout: 400ms }`,
  'devices:',
  `  - { id: panel, name: ${label('消防模块', 'fire module')}, connection: line, unitId: 1, place: hall, points: { smoke: ${contact(0, '烟感', 'smoke')}, button: ${contact(2, '求助按钮', 'help button')}, lamp: ${contact(3, '灯', 'lamp')} } }`,
  `  - { id: pump, name: ${label('水浸传感器', 'leak sensor')}, connection: line, unitId: 2, place: cellar, points: { wet: ${contact(0, '水浸', 'leak')} } }`,
  `  - { id: climate, name: ${label('温湿度计', 'climate sensor')}, connection: line, unitId: 3, place: hall, points: {`,
  `      temperature: { name: ${label('温度', 'temperature')}, type: number, unit: Cel, table: input, register: 0, format: s16, scale: 0.1, poll: 50ms },`,
  `      setpoint: { name: ${label('设定温度', 'set temperature')}, type: number, unit: Cel, table: holding, register: 1, format: s16, scale: 0.1, writable: true, min: 5, max: 35, poll: 50ms } } }`,
  `  - { id: gate, name: ${label('大门控制器', 'gate controller')}, connection: line, unitId: 4, place: lobby, points: { open: ${contact(0, '大门', 'gate')} } }`,
  `  - { id: kiosk, name: ${label('自助终端', 'terminal')}, connection: line, unitId: 5, place: hall, points: { busy: ${contact(0, '使用中', 'in use')} } }`,
  `  - { id: odd, name: { zh: '${hostile}', en: '${hostile}' }, connection: line, unitId: 6, place: cellar, points: { on: ${contact(0, '开关', 'switch')} } }`,
  'rules:',
  rule('smoke', 'panel.smoke', 1, '大厅烟感报警', 'smoke in the hall'), rule('leak', 'pump.wet', 2, '地下室漏水', 'water in the cellar'),
  rule('call', 'panel.button', 3, '大厅有人求助', 'somebody calls for help in the hall'), rule('lamp', 'panel.lamp', 4, '大厅灯坏了', 'a lamp in the hall is broken'), ...rules,
  'doors:', `  - { id: gate, name: ${label('大门', 'main gate')}, place: lobby, contact: gate.open, heldOpenAfter: 10m }`,
  'kiosks:', `  - { id: one, name: ${label('自助终端一', 'terminal one')}, place: hall, device: kiosk, downAfter: 2s }`,
  'uplinks:', `  - { id: city, url: "${city}", protocol: "3.1.1" }`,
]

export interface Desk extends AsyncDisposable {
  readonly gateway: Gateway
  readonly devices: ModbusSimulator
  /** The log that the page shows. */
  readonly ring: LogRing
  readonly browser: Browser
  readonly url: string
  /** What pages said as an error, CSP violations among them. */
  readonly complaints: string[]
  cutCity(): Promise<void>
  /** Stops the gateway, and starts it again on the same folder and port. `meanwhile`: what happens while it is away. */
  restart(meanwhile: () => Promise<void>): Promise<void>
  /** A page of a context of its own, signed in as admin by a one-time address; the browser thinks it is in UTC and English. */
  open(options?: BrowserContextOptions & { readonly language?: 'zh' | 'en'; readonly at?: string }): Promise<Page>
  /** Signed in with a cookie through any address of the gateway, such as a proxy's. */
  at(url: string, options?: BrowserContextOptions): Promise<Page>
}

/** A building on simulated Modbus devices, a city, and Debian's Chromium before its console. The page is built when its sources are newer. */
export async function startDesk({ clock = systemClock, rules = [], edit = (text) => text, located = () => {} }: { readonly clock?: Clock; readonly rules?: readonly string[]; readonly edit?: (site: string) => string; readonly located?: (file: string) => void } = {}): Promise<Desk> {
  await using stack = new AsyncDisposableStack()
  spawnSync(process.execPath, [path.join(root, 'scripts/console.mjs')], { stdio: 'inherit' })
  const folder = await mkdtemp(path.join(tmpdir(), 'linli-console-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const city = await startCity({})
  let cityStopped: Promise<void> | undefined
  const cutCity = (): Promise<void> => (cityStopped ??= city.stop())
  stack.defer(cutCity)
  const modbus = await freePort()
  const file = await siteFile(folder, building(modbus, city.url, rules))
  await writeFile(file, edit(await readFile(file, 'utf8')))
  located(file)
  const site = await readSite(file)
  const devices = stack.use(await startModbusSimulator(site.connections.find(({ id }) => id === 'line') as ModbusConfig, { clock: systemClock, random: () => 0.5 }, { port: modbus }))
  devices.set('climate.temperature', 215)
  devices.set('climate.setpoint', 220)
  const ring = new LogRing()
  let gateway: Gateway | null = await startGateway({ site, log: silentLog(), ring, clock })
  stack.defer(async () => { await gateway?.[Symbol.asyncDispose]() })
  const { console: served } = gateway
  if (!served) throw new Error('the console did not open')
  // No flag about autoplay: whether sound needs a tap is what is tested.
  const browser = await launchBrowser()
  stack.defer(() => browser.close())
  const complaints: string[] = []
  const at = async (url: string, options: BrowserContextOptions & { readonly language?: 'zh' | 'en' } = {}): Promise<Page> => {
    const { language, ...rest } = options
    const context = await browser.newContext({ timezoneId: 'UTC', locale: 'en-US', ...office, ...rest })
    if (language) await context.addInitScript((kept) => { if (!localStorage.getItem('linli.language')) localStorage.setItem('linli.language', kept) }, language)
    const page = await context.newPage()
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('console', (message) => { if (message.type() === 'error' && !/Failed to load resource|net::ERR/.test(message.text())) complaints.push(message.text()) })
    await page.goto(url)
    return page
  }
  const owned = stack.move()
  return {
    get gateway() { return gateway! },
    devices, ring, browser, complaints, url: served.url, cutCity, at,
    async restart(meanwhile) {
      await gateway![Symbol.asyncDispose]()
      gateway = null
      await meanwhile()
      await writeFile(file, (await readFile(file, 'utf8')).replace('listen: { port: 0 }', `listen: { port: ${new URL(served.url).port} }`))
      gateway = await startGateway({ site: await readSite(file), log: silentLog(), ring, clock })
    },
    async open({ at: where, ...options } = {}) {
      const page = await at(gateway!.console!.openUrl(), options)
      await page.locator('.sentence').waitFor()
      if (where) await page.goto(`${served.url}/#/${where}`)
      return page
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
