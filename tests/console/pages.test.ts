import { spawnSync } from 'node:child_process'
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import { readCommissioning } from '../../firmware-config/commission/index.ts'
import { hostile, pageBrowser, startDesk, type Desk } from '../support/browser.ts'
import { itWith } from '../support/tools.ts'

const it = itWith(pageBrowser)
const itWithPaper = itWith(pageBrowser, 'pdftotext')
/** What a reader of the printed page reads. */
const textOf = (pdf: Buffer): string => spawnSync('pdftotext', ['-layout', '-', '-'], { input: pdf, encoding: 'utf8' }).stdout
/** Whether anything reaches beyond the paper or its own box, at the width of A4 less its margins. */
const clipped = `(() => [...document.querySelectorAll('.report, .report *')].filter((each) => each.clientWidth > 0 && each.scrollWidth > each.clientWidth + 1 || each.getBoundingClientRect().right > innerWidth + 1).map((each) => each.outerHTML.slice(0, 120)))()`
let desk: Desk
beforeAll(async () => { desk = await startDesk() }, 60_000)
afterAll(() => desk?.[Symbol.asyncDispose]())
afterEach(async () => { for (const context of desk.browser.contexts()) await context.close() })

describe('devices', () => {
  it('show a value as it changes, without a reload', async () => {
    const page = await desk.open({ at: 'devices/climate' })
    await page.getByText('21.5 °C').first().waitFor()
    desk.devices.set('climate.temperature', 238)
    await page.getByText('23.8 °C').first().waitFor({ timeout: 3_000 })
    desk.devices.set('climate.temperature', 215)
  })

  it('say why a value is bad and what to do next, in both languages, and stand first in the list', async () => {
    desk.devices.fault('pump', 'timeout')
    const page = await desk.open({ at: 'devices/pump' })
    await page.getByText('设备没有回答。').first().waitFor({ timeout: 15_000 })
    await page.getByText('下一步').first().waitFor()
    await page.getByText('看设备是否有电').first().waitFor()
    await page.getByRole('button', { name: 'English' }).click()
    await page.getByText('The device does not answer.').first().waitFor()
    await page.goto(`${desk.url}/#/devices`)
    await expect.poll(() => page.locator('.device-name').first().innerText()).toBe('leak sensor')
    desk.devices.fault('pump', null)
    await expect.poll(() => page.locator('.device', { hasText: 'leak sensor' }).innerText(), { timeout: 20_000 }).toContain('Online')
  })

  it('are found by a part of their name', async () => {
    const page = await desk.open({ at: 'devices' })
    await page.getByRole('searchbox', { name: '查找' }).fill('温湿')
    await expect.poll(() => page.locator('.device-name').allInnerTexts()).toEqual(['温湿度计'])
  })

  it('are written only after a confirmation that names point and value', async () => {
    const page = await desk.open({ at: 'devices/climate' })
    await page.getByRole('button', { name: '改值' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('设定温度 · 新的值').fill('19.5')
    await dialog.getByText('把“设定温度”改为 19.5 °C？').waitFor()
    expect(desk.devices.get('climate.setpoint')).toBe(220)
    await dialog.getByRole('button', { name: '确认写入' }).click()
    await dialog.getByText('已写入并读回').waitFor()
    expect(desk.devices.get('climate.setpoint')).toBe(195)
  })

  it('draw 24 hours with a gap where nothing was heard', async () => {
    const at = Math.floor(Date.now() / 300_000) * 300_000
    const page = await desk.open()
    // The history of a fresh gateway is short: the same answer with a hole in it.
    await page.route('**/api/history?*', async (route) => {
      const slots = Array.from({ length: 288 }, (_, index) => {
        const known = index < 100 || index > 180
        return { at: at - (287 - index) * 300_000, min: known ? 20 : null, mean: known ? 21 : null, max: known ? 22 : null, last: known ? 21 : null, quality: known ? 'good' : null, changes: known ? 3 : 0, goodMs: known ? 300_000 : 0 }
      })
      await route.fulfill({ json: { point: 'climate.temperature', from: at - 287 * 300_000, to: at + 300_000, slotMs: 300_000, slots } })
    })
    await page.goto(`${desk.url}/#/devices/climate`)
    await page.locator('.plot canvas').waitFor()
    await expect.poll(() => page.evaluate<boolean[]>(`(() => {
      const canvas = document.querySelector('.plot canvas'), over = document.querySelector('.u-over').getBoundingClientRect(), box = canvas.getBoundingClientRect()
      const painter = canvas.getContext('2d'), ratio = canvas.width / box.width
      // The band's blue along a line through its middle, a little above the mean.
      return [0.1, 0.25, 0.5, 0.7, 0.9].map((share) => {
        const x = (over.left - box.left + over.width * share) * ratio, top = (over.top - box.top) * ratio, height = over.height * ratio
        const column = painter.getImageData(Math.round(x), Math.round(top), 1, Math.round(height)).data
        for (let i = 0; i < column.length; i += 4) if (column[i + 3] > 0 && column[i] === 207 && column[i + 1] === 227 && column[i + 2] === 240) return true
        return false
      })
    })()`)).toEqual([true, true, false, true, true])
    const [asked] = await Promise.all([page.waitForRequest(/api\/history\?/), page.getByText('7 天', { exact: true }).click()])
    const { searchParams } = new URL(asked.url())
    expect((Number(searchParams.get('to')) - Number(searchParams.get('from'))) / 86_400_000).toBeCloseTo(7, 1)
  })
})

describe('doors and terminals', () => {
  it('tell how they are now and what happened today', async () => {
    const page = await desk.open({ at: 'doors' })
    const door = page.locator('.door', { hasText: '大门' })
    await door.getByText('关着').waitFor()
    desk.devices.set('gate.open', true)
    await door.locator('.big-state', { hasText: '开着' }).waitFor({ timeout: 4_000 })
    await door.getByText('打开').first().waitFor()
    desk.devices.set('gate.open', false)
    await door.locator('.big-state', { hasText: '关着' }).waitFor({ timeout: 4_000 })
    const events = `${desk.url}/api/events?from=${Date.now() - 60_000}&to=${Date.now() + 60_000}&types=access&door=gate`
    await expect.poll(async () => ((await (await page.request.get(events)).json()) as { events: { data: { result: string } }[] }).events.map(({ data }) => data.result), { timeout: 10_000 }).toContain('opened')
    await door.locator('.day summary').click()
    await door.locator('.day li', { hasText: /^\d\d:\d\d 打开$/ }).first().waitFor()
    const terminal = page.locator('.terminal', { hasText: '自助终端一' })
    await terminal.getByText('可以使用').waitFor()
    await terminal.getByRole('img', { name: /\d\d:00：100% 可用/ }).waitFor()
  })
})

describe('commissioning', () => {
  it('goes from point to point, passes what answers and not what is wired to another, survives a reload, and ends in a signed report that is held against the one before', { timeout: 60_000 }, async () => {
    const page = await desk.open({ at: 'commissioning' })
    await page.getByLabel('调试人').fill('王师傅')
    await page.getByRole('button', { name: '开始调试（8 个点位）' }).click()
    const ask = page.locator('.commission h2')
    const last = page.locator('.commission-last')
    const call = async (point: RegExp): Promise<void> => {
      await ask.filter({ hasText: point }).waitFor()
      await page.getByRole('button', { name: '我现在做' }).click()
      await page.getByText('网关正在看').waitFor()
    }
    await ask.filter({ hasText: '消防模块·烟感' }).waitFor()
    await page.locator('.commission-list').getByRole('button', { name: '大门' }).click()
    await call(/大门控制器·大门/)
    desk.devices.set('gate.open', true)
    await last.getByText('通过: 关着 → 开着').waitFor({ timeout: 10_000 })
    await last.getByText(/按下后 \d+ 毫秒/).waitFor()
    // The next comes by itself. The door that was tried falls shut, which is no swap; the terminal's contact is on the switch's wire.
    await call(/自助终端·使用中/)
    desk.devices.set('gate.open', false)
    desk.devices.set('odd.on', true)
    await last.getByText('动的是另一个点位，可能接反').waitFor({ timeout: 15_000 })
    await last.getByText('odd.on').waitFor()
    await page.reload()
    await ask.filter({ hasText: hostile }).waitFor()
    await last.getByText('动的是另一个点位，可能接反').waitFor()
    await page.getByRole('button', { name: '跳过' }).click()
    await page.getByLabel('原因（可不填）').fill('够不着')
    await page.getByRole('button', { name: '跳过' }).click()
    await last.getByText('够不着').waitFor()
    await page.getByRole('button', { name: '结束并生成签名报告' }).click()
    const reports = page.locator('section', { has: page.getByRole('heading', { name: '以前的报告' }) })
    await reports.getByText('通过 1 · 未通过 1 · 未试 6').waitFor({ timeout: 15_000 })
    const fetched = async (name: string): Promise<string> => (await page.request.get(`${desk.url}${await reports.getByRole('link', { name }).first().getAttribute('href')}`)).text()
    const { commissioning: report } = readCommissioning(await fetched('下载数据（JSON）'), 'report')
    expect(report).toMatchObject({ gateway: 'hall-1', by: '王师傅' })
    expect(report.results.filter(({ reason }) => reason !== 'not tried')).toMatchObject([{ point: 'gate.open', outcome: 'passed', receipt: { uplink: 'city' } }, { point: 'kiosk.busy', outcome: 'failed', swappedWith: 'odd.on' }, { point: 'odd.on', outcome: 'skipped', reason: '够不着' }])
    const paper = await page.context().newPage()
    await paper.goto(`${desk.url}${await reports.getByRole('link', { name: '查看并打印' }).getAttribute('href')}`)
    expect(await paper.locator('h1').innerText()).toContain('调试验收报告')
    expect(await paper.evaluate<string>(`getComputedStyle(document.querySelector('.sign')).display`)).toBe('flex')
    // A page behind another is slow to be clicked at.
    await paper.close()

    // What passed is not asked again, and the next report tells what is otherwise.
    await page.getByLabel('上次通过的不再试').check()
    await page.getByRole('button', { name: /开始调试/ }).click()
    await page.getByText('已试 1 / 8').waitFor()
    await page.locator('.commission-list').getByRole('button', { name: '开关' }).click()
    await ask.filter({ hasText: hostile }).waitFor()
    await page.getByRole('button', { name: '没有反应' }).click()
    await last.getByText('调试人说没有反应').waitFor()
    await page.getByRole('button', { name: '结束并生成签名报告' }).click()
    await reports.getByText('通过 1 · 未通过 1 · 未试 6').nth(1).waitFor({ timeout: 15_000 })
    await reports.getByRole('button', { name: '与前一份比较' }).first().click()
    await reports.getByRole('row', { name: `${hostile} · 开关 未试 未通过` }).waitFor()
    await reports.getByRole('row', { name: '自助终端 · 使用中 未通过 未试' }).waitFor()
    desk.devices.set('odd.on', false)
    const audit = (await (await page.request.get(`${desk.url}/api/audit?limit=50`)).json()) as { entries: { action: string; outcome: string }[] }
    for (const action of ['beginCommissioning', 'finishCommissioning', 'downloadCommissioning']) expect(audit.entries).toContainEqual(expect.objectContaining({ action, outcome: 'done' }))
  })
})

describe('the city link', () => {
  it('is connected; without it, it says that nothing is lost and how much waits', { timeout: 60_000 }, async () => {
    const page = await desk.open({ at: 'link' })
    await page.getByText('已连上城市平台').waitFor({ timeout: 10_000 })
    await page.getByText('没有被拒收的记录。').waitFor()
    await desk.cutCity()
    await page.getByText(/没有连上城市平台|正在连接城市平台/).waitFor({ timeout: 20_000 })
    desk.devices.set('panel.button', true)
    await page.getByText(/\d+ 条等待上传/).waitFor({ timeout: 15_000 })
    await page.getByText('数据都存在网关里').waitFor({ timeout: 15_000 })
  })
})

describe('the shift', () => {
  it('is taken by name and PIN, carries that name into what is acknowledged, and greets the next with a note', async () => {
    const page = await desk.open({ at: 'installer' })
    await page.getByLabel('名称').selectOption({ label: '王师傅 · 还没有' })
    await page.getByLabel('口令').fill('2468')
    await page.getByRole('button', { name: '保存' }).click()
    await page.getByText('已完成').waitFor()
    await page.goto(`${desk.url}/#/shift`)
    await page.getByText('王师傅').click()
    await page.getByLabel('口令').fill('1111')
    await page.getByRole('button', { name: '接班' }).click()
    await page.getByText('账号、密码或口令不对').waitFor()
    await page.getByLabel('口令').fill('2468')
    await page.getByRole('button', { name: '接班' }).click()
    await page.getByText('值班人 王师傅').waitFor({ timeout: 15_000 })
    desk.devices.set('panel.lamp', true)
    await page.goto(`${desk.url}/#/home`)
    await page.getByRole('button', { name: '确认：大厅灯坏了' }).click()
    await page.getByText(/王师傅 于 \d\d:\d\d 确认/).waitFor()
    expect(desk.gateway.status().alerts.find(({ ruleId }) => ruleId === 'lamp')?.acknowledged?.by).toBe('wang')
    await page.goto(`${desk.url}/#/shift`)
    await page.getByLabel('交班留言').fill('三号灯等配件')
    await page.getByRole('button', { name: '交班' }).click()
    await page.getByText('三号灯等配件').waitFor()
    await page.getByRole('heading', { name: '谁在值班？' }).waitFor()
  })
})

describe('support', () => {
  it('is a check-up that groups what it finds by severity, each with a next step, and a bundle to download', async () => {
    const page = await desk.open({ at: 'installer' })
    await page.getByRole('button', { name: '开始体检' }).click()
    const section = page.locator('section', { has: page.getByRole('heading', { name: '体检' }) })
    await section.getByText(/检查完毕/).waitFor({ timeout: 20_000 })
    const warnings = section.locator('.finding-warning')
    await warnings.getByText('DOCTOR_NO_SOUND').waitFor()
    await warnings.getByText('在站点文件里加 sounders 或 channels').waitFor()
    await section.getByText(/^正常：/).waitFor()
    // The bundle holds the same, and is handed over as a download.
    await page.getByRole('button', { name: '生成支持包' }).click()
    const link = page.getByRole('link', { name: /^下载 / })
    await link.waitFor({ timeout: 20_000 })
    const [download] = await Promise.all([page.waitForEvent('download'), link.click()])
    expect(download.suggestedFilename()).toMatch(/^linli-support-hall-1-[\d-]+\.tar\.gz$/)
  })

  it('shows the log as text, filtered, and stands still while it is paused', async () => {
    desk.ring.write(`${JSON.stringify({ level: 40, time: new Date().toISOString(), room: 'store', msg: `${hostile} mqtt password=abc` })}\n`)
    const page = await desk.open({ at: 'logs' })
    const log = page.locator('pre.log')
    await log.getByText(`WARN store ${hostile} mqtt password=[redacted]`).waitFor()
    await page.getByRole('button', { name: '暂停' }).click()
    desk.ring.write(`${JSON.stringify({ level: 50, time: new Date().toISOString(), room: 'time', msg: 'the clock stepped' })}\n`)
    await page.getByRole('button', { name: '继续' }).click()
    await log.getByText('the clock stepped').waitFor({ timeout: 10_000 })
    await page.getByLabel('来源').selectOption('time')
    await expect.poll(() => log.innerText()).not.toContain('password')
    await page.getByRole('searchbox', { name: '查找' }).fill('nothing like it')
    await page.keyboard.press('Enter')
    await page.getByText('没有这样的记录。').waitFor({ timeout: 10_000 })
  })
})

describe('the reports', () => {
  itWithPaper('of a shift tell what was done in it, and are printed whole on A4', { timeout: 60_000 }, async () => {
    desk.devices.set('panel.smoke', true)
    await expect.poll(() => desk.gateway.status().alerts.some(({ ruleId }) => ruleId === 'smoke')).toBe(true)
    const page = await desk.open({ at: 'reports' })
    // What was taken at the desk above: acknowledged within it, and its note.
    const taken = page.getByRole('link', { name: /王师傅 · 值班台接班/ })
    await taken.click()
    const paper = page.locator('article.report')
    await paper.getByText('三号灯等配件').waitFor()
    await paper.locator('tr', { hasText: '大厅灯坏了' }).getByText(/王师傅/).first().waitFor()
    const figure = async (name: string): Promise<string> => paper.locator('.figures').first().locator('div', { has: page.getByText(name, { exact: true }) }).locator('dd').innerText()
    expect([await figure('确认'), await figure('处理完毕')]).toEqual(['1', '0'])
    expect(await paper.getByText('大厅烟感报警').count()).toBe(0)
    await page.getByRole('link', { name: '全天' }).click()
    await paper.getByText('大厅烟感报警').first().waitFor()
    const shown = ['办事大厅', '大厅灯坏了', '地下室', '自助终端一', '交班签字', '接班签字']
    await page.emulateMedia({ media: 'print' })
    await page.setViewportSize({ width: Math.floor(182 / 25.4 * 96), height: 1_000 })
    expect(await page.evaluate<string[]>(clipped)).toEqual([])
    const pdf = await page.pdf({ preferCSSPageSize: true })
    const text = textOf(pdf)
    for (const each of shown.filter((word) => word !== '地下室')) expect([each, text.includes(each)]).toEqual([each, true])
    expect(text).toMatch(/1 ?\/ ?2/)
    expect(text).not.toMatch(/打印|主菜单|开始值守/)
    expect(spawnSync('pdfinfo', ['-'], { input: pdf, encoding: 'utf8' }).stdout).toMatch(/Page size: +59\d(\.\d+)? x 84\d(\.\d+)? pts \(A4\)/)
    await page.emulateMedia({ media: 'screen' })
    await page.getByRole('button', { name: 'English' }).click()
    await paper.getByText('Handed over by').waitFor()
    await page.emulateMedia({ media: 'print' })
    expect(textOf(await page.pdf({ preferCSSPageSize: true }))).toMatch(/smoke in[^]*Taken over by/)
    desk.devices.set('panel.smoke', false)
  })
  itWithPaper('of a month have the figures of its alarms, and are printed whole on A4, however long', { timeout: 60_000 }, async () => {
    const page = await desk.open()
    const month = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai', year: 'numeric', month: '2-digit' }).format(Date.now())
    await page.route('**/api/reports/month?*', async (route) => {
      const answer = (await (await route.fetch()).json()) as { figures: { devices: { list: object[] } }; alarms: { raised: number; actors: object[]; byDay: { raised: number }[] } }
      expect(answer.alarms.raised).toBeGreaterThan(0)
      // A month of a busy building: every day, and names as long as they come.
      const [actor, day] = [answer.alarms.actors[0]!, answer.alarms.byDay.find(({ raised }) => raised > 0)!]
      answer.alarms.actors = Array.from({ length: 10 }, () => ({ ...actor, title: { zh: '地下二层设备间东侧风机盘管冷凝水液位过高报警'.repeat(2), en: 'water in the pan of the fan coil at the east side of the second basement' } }))
      answer.alarms.byDay = Array.from({ length: 31 }, (_, n) => ({ ...day, day: `2026-10-${String(n + 1).padStart(2, '0')}` }))
      await route.fulfill({ json: answer })
    })
    await page.goto(`${desk.url}/#/reports/month/${month}`)
    await page.getByText('最频繁的告警（前十）').waitFor({ timeout: 30_000 })
    await page.emulateMedia({ media: 'print' })
    await page.setViewportSize({ width: Math.floor(182 / 25.4 * 96), height: 1_000 })
    expect(await page.evaluate<string[]>(clipped)).toEqual([])
    const pages = textOf(await page.pdf({ preferCSSPageSize: true })).split('\f')
    expect(pages.length).toBeGreaterThan(2)
    expect(pages.join('')).toMatch(/2026-10-31[^]*审核签字/)
    // The head of the table stands on both pages that it goes over.
    expect(pages.filter((text) => /2026-10-\d\d/.test(text)).every((text) => /日期 +特急/.test(text))).toBe(true)
  })
})

describe('the installer\'s page', () => {
  it('begins and ends maintenance with a reason, and shows the audit log as whole', async () => {
    const page = await desk.open({ at: 'installer' })
    await page.getByLabel('设备').selectOption({ label: '水浸传感器' })
    await page.getByLabel('原因').fill('更换探头')
    await page.getByRole('button', { name: '开始检修' }).click()
    await page.getByText(/更换探头/).waitFor()
    await page.getByRole('button', { name: '结束' }).click()
    await page.getByText('现在没有检修。').waitFor()
    await page.getByText('记录完整，未被改动').waitFor()
  })
})

it('has broken no rule of its CSP on any page', () => { expect(desk.complaints).toEqual([]) })
