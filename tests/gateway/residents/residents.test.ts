import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { qr } from '../../../gateway/cli/qr.ts'
import type { Alert } from '../../../gateway/contract/index.ts'
import { addressKey } from '../../../gateway/residents/limits.ts'
import { escapeHtml } from '../../../gateway/kit/html.ts'
import { residentsHtml } from '../../../gateway/residents/page.ts'
import { plainText } from '../../../gateway/residents/saying.ts'
import { modulesOf, textOf } from '../../../gateway/residents/sheet.ts'
import { claimed, serveConsole } from '../../support/console.ts'
import { claiming, jpeg, withExif } from '../../support/photos.ts'
import { printed, serveHall, type Hall } from '../../support/residents.ts'

let ids = 0
const newId = (): string => (++ids).toString(16).padStart(16, '0')
const alertsOf = (hall: Hall): readonly Alert[] => hall.gateway.status().alerts
const said = (hall: Hall, type: string) => hall.events.filter((event) => event.type === type)

describe('what a resident says', () => {
  it('is an event of what the code hangs at: a good rating is counted, poor ones open one alert there', async () => {
    const hall = await serveHall()
    const terminal = await hall.path('hall-1')
    expect((await hall.send(`${terminal}/rating`, { id: newId(), score: 5, text: '很好' })).status).toBe(200)
    expect(said(hall, 'evaluation')).toMatchObject([{ subject: 'kiosk', data: { device: 'kiosk', kiosk: 'hall-1', via: 'page', score: 5, text: '很好' } }])
    expect(alertsOf(hall)).toEqual([])
    const poor = { id: newId(), score: 1, text: '打印机卡纸' }
    expect((await hall.send(`${terminal}/rating`, poor)).status).toBe(200)
    expect((await hall.send(`${terminal}/rating`, poor)).status).toBe(200)
    expect(said(hall, 'evaluation')).toHaveLength(2)
    expect((await hall.send(`${terminal}/rating`, { id: newId(), score: 2 }, { from: 2 })).status).toBe(200)
    expect(alertsOf(hall)).toMatchObject([{ key: 'rating/kiosk', count: 2, deviceId: 'kiosk', place: 'hall' }])
  })

  it('with a photo is an alert that shows it, once a place and category, however many report it', async () => {
    const hall = await serveHall()
    const place = await hall.path('place/hall')
    const photo = withExif(await jpeg(320, 240)).toString('base64')
    expect((await hall.send(`${place}/report`, { id: newId(), category: 'water', text: '天花板漏水', photo })).status).toBe(200)
    const [event] = said(hall, 'request')
    expect(event).toMatchObject({ subject: 'residents', data: { device: 'residents', place: 'hall', via: 'page', reason: 'water', text: '天花板漏水', photo: expect.stringMatching(/^[0-9a-f]{16}$/) } })
    for (const from of [2, 3]) expect((await hall.send(`${place}/report`, { id: newId(), category: 'water' }, { from })).status).toBe(200)
    expect((await hall.send(`${place}/report`, { id: newId(), category: 'lift' }, { from: 4 })).status).toBe(200)
    expect(alertsOf(hall).map(({ key, count, place, title }) => [key, count, place, title.zh]).toSorted()).toEqual([
      ['report/place/hall/lift', 1, 'hall', '居民报告：电梯（办事大厅）'], ['report/place/hall/water', 3, 'hall', '居民报告：漏水、停水（办事大厅）'],
    ])
    const staff = await claimed(hall)
    const { timeline } = (await staff.ask(`/api/alerts/${alertsOf(hall).find(({ key }) => key.endsWith('water'))!.id}`)).body
    expect(timeline[0]).toMatchObject({ what: 'raised', data: { text: '天花板漏水', photo: event!.data.photo } })
    const shown = await staff.ask(`/api/photos/${String(event!.data.photo)}`)
    expect([shown.status, shown.headers['content-type'], shown.text.includes('GPS')]).toEqual([200, 'image/jpeg', false])
    // It goes to the city as an id and nothing more.
    expect(JSON.stringify(hall.events).length).toBeLessThan(8_000)
  })

  it('of a repair is its evaluation: poor, and it is open again; nothing else may be rated', async () => {
    const hall = await serveHall()
    const terminal = await hall.path('terminal/hall-1')
    await hall.send(`${terminal}/report`, { id: newId(), category: 'terminal', text: '卡住了' })
    const [{ id }] = alertsOf(hall) as [Alert]
    expect((await hall.open(terminal)).text).not.toContain(id)
    expect(await hall.send(`${terminal}/rating`, { id: newId(), score: 1, repair: id })).toMatchObject({ status: 400, body: { code: 'RESIDENTS_REQUEST' } })
    const staff = await claimed(hall)
    expect((await staff.post(`/api/alerts/${id}/acts`, { act: 'resolve', note: '已修好' })).body.outcome).toBe('applied')
    expect((await hall.open(terminal)).text).toContain(id)
    expect((await hall.open(await hall.path('place/hall'))).text).toContain(id)
    expect((await hall.send(`${terminal}/rating`, { id: newId(), score: 2, repair: id, text: '还是卡' }, { from: 2 })).status).toBe(200)
    expect(alertsOf(hall)).toMatchObject([{ id, state: 'raised', reopened: 1, evaluated: { score: 2, text: '还是卡' } }])
    expect((await staff.ask(`/api/alerts/${id}`)).body.timeline.at(-1)).toMatchObject({ what: 'evaluated', data: { origin: 'resident', score: 2 } })
    expect((await hall.open(terminal)).text).not.toContain(id)
  })
})

describe('a printed code', () => {
  it('leads nowhere once it is revoked, at once and for the running gateway; the new one does', async () => {
    const hall = await serveHall()
    const [old, other] = [await hall.path('hall-1'), await hall.path('place/hall')]
    expect(new Set([old, other, await hall.path('hall-1')]).size).toBe(2)
    expect((await hall.open(old)).status).toBe(200)
    const fresh = await hall.path('terminal/hall-1', 'revoke')
    const refused = await hall.open(old)
    expect([refused.status, refused.text]).toEqual([404, expect.stringMatching(/二维码已经停用[\s\S]*no longer in use/)])
    expect((await hall.send(`${old}/rating`, { id: newId(), score: 1 })).body).toMatchObject({ code: 'RESIDENTS_CODE' })
    expect([(await hall.open(fresh)).status, (await hall.open(other)).status]).toEqual([200, 200])
    expect(await printed(hall.file)).toMatchObject([{ target: 'place/hall', generation: 1 }, { target: 'terminal/hall-1', generation: 2 }])
    await expect(printed(hall.file, 'hall-2')).rejects.toMatchObject({ code: 'QR_TARGET', message: expect.stringContaining('did you mean "hall-1"?') })
  })

  it('cannot be guessed: after twenty wrong ones the right one is not told any more, to that address', async () => {
    const hall = await serveHall()
    const right = await hall.path('hall-1')
    for (let n = 0; n < 20; n++) expect((await hall.open(`/r/${n.toString().padStart(12, '0')}`, { from: 9 })).status).toBe(404)
    expect(await hall.open(right, { from: 9 })).toMatchObject({ status: 429, headers: { 'retry-after': '30' }, text: expect.stringMatching(/频繁[\s\S]*patience/) })
    expect((await hall.open(right, { from: 8 })).status).toBe(200)
  })

  it('is printed on a sheet, with what it is for in two languages', async () => {
    const hall = await serveHall()
    const sheet = path.join(hall.folder, 'codes.html')
    const { write } = process.stdout
    process.stdout.write = (() => true) as typeof write
    try { await qr(hall.file, [], { html: sheet }) } finally { process.stdout.write = write }
    const html = await readFile(sheet, 'utf8')
    for (const words of ['办事大厅', 'service hall', '自助终端', '扫码评价服务、报告问题', `${hall.address}/r/`, '@page { size: A4']) expect(html).toContain(words)
    expect(html.match(/<svg/g)).toHaveLength(2)
  })

  it('has its three finder patterns and a quiet zone, on paper and on a screen', () => {
    const rows = modulesOf('http://192.168.1.10:8081/r/0123456789ab')
    const size = rows.length
    const finder = (top: number, left: number): string => Array.from({ length: 7 }, (_, y) => Array.from({ length: 7 }, (_, x) => (rows[top + y]![left + x] ? '#' : '.')).join('')).join(' ')
    for (const [top, left] of [[0, 0], [0, size - 7], [size - 7, 0]] as const) expect(finder(top, left)).toBe('####### #.....# #.###.# #.###.# #.###.# #.....# #######')
    const lines = textOf('http://192.168.1.10:8081/r/0123456789ab').split('\n')
    expect(lines[0]).toBe('█'.repeat(size + 8))
    expect(lines.every((line) => line.startsWith('████') && line.endsWith('████'))).toBe(true)
  })
})

describe('what comes from strangers', () => {
  it('is refused where it is too long, no JSON, of another site, for another name, or none of the choices', async () => {
    const hall = await serveHall()
    const place = await hall.path('place/hall')
    const rating = { id: newId(), score: 3 }
    const photo = await jpeg(64, 64)
    const cases: readonly (readonly [code: string, () => ReturnType<Hall['send']>])[] = [
      ['RESIDENTS_REQUEST', () => hall.send(`${place}/rating`, {}, { raw: 'score=1', from: 10 })],
      ['RESIDENTS_REQUEST', () => hall.send(`${place}/rating`, { ...rating, score: 0 }, { from: 11 })],
      ['RESIDENTS_REQUEST', () => hall.send(`${place}/rating`, { ...rating, extra: true }, { from: 12 })],
      ['RESIDENTS_REQUEST', () => hall.send(`${place}/rating`, { ...rating, text: 'x'.repeat(5_000) }, { from: 13 })],
      ['RESIDENTS_REQUEST', () => hall.send(`${place}/report`, { id: newId(), category: 'gossip' }, { from: 14 })],
      ['RESIDENTS_REQUEST', () => hall.send(`${place}/rating`, rating, { from: 15, headers: { 'content-type': 'text/plain' } })],
      ['RESIDENTS_ORIGIN', () => hall.send(`${place}/rating`, rating, { from: 16, headers: { origin: 'http://elsewhere.example' } })],
      ['RESIDENTS_ORIGIN', () => hall.send(`${place}/rating`, rating, { from: 16, headers: { 'sec-fetch-site': 'cross-site' } })],
      ['RESIDENTS_HOST', () => hall.send(`${place}/rating`, rating, { from: 17, headers: { host: 'rebound.example' } })],
      ['PHOTO_INVALID', () => hall.send(`${place}/report`, { id: newId(), category: 'water', photo: photo.subarray(0, 300).toString('base64') }, { from: 18 })],
      ['PHOTO_INVALID', () => hall.send(`${place}/report`, { id: newId(), category: 'water', photo: Buffer.from('<svg onload=alert(1)>').toString('base64') }, { from: 19 })],
      ['PHOTO_TOO_LARGE', () => hall.send(`${place}/report`, { id: newId(), category: 'water', photo: claiming(photo, 65_535, 65_535).toString('base64') }, { from: 20 })],
      ['RESIDENTS_REQUEST', () => hall.send(`${place}/report`, { id: newId(), category: 'water', photo: 'A'.repeat(1_500_000) }, { from: 21 }).catch(() => ({ body: { code: 'RESIDENTS_REQUEST' } }) as never)],
    ]
    for (const [index, [code, ask]] of cases.entries()) expect([index, (await ask()).body?.code]).toEqual([index, code])
    expect(said(hall, 'evaluation').length + said(hall, 'request').length).toBe(0)
    expect((await hall.open(`${place}/../../etc/passwd`)).status).toBe(404)
    const { headers } = await hall.open(place)
    expect(headers['content-security-policy']).toMatch(/default-src 'none'; script-src 'self'; .*frame-ancestors 'none'/)
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'cache-control': 'no-store' })
  })

  it('is let in so often and no more: five an address in ten minutes, thirty a code in an hour', async () => {
    const hall = await serveHall()
    const place = await hall.path('place/hall')
    const send = (from: number) => hall.send(`${place}/rating`, { id: newId(), score: 4 }, { from })
    for (let n = 0; n < 5; n++) expect((await send(30)).status).toBe(200)
    expect(await send(30)).toMatchObject({ status: 429, headers: { 'retry-after': '120' }, body: { code: 'RESIDENTS_RATE' } })
    let accepted = 5
    for (let from = 31; from < 60; from++) if ((await send(from)).status === 200) accepted++
    expect(accepted).toBe(30)
    expect(said(hall, 'evaluation')).toHaveLength(30)
  })

  it('is text: what would be obeyed by a page, a log or the direction of writing is none', () => {
    expect(plainText('  a\u0000b\u001b[31m\r\nc\u202Ed\u2066e\u200B ')).toBe('a b [31m cde')
    expect(plainText('好'.repeat(300))).toHaveLength(200)
    expect(plainText('😀'.repeat(150))).toBe('😀'.repeat(100))
    expect(plainText('\uD800x').isWellFormed()).toBe(true)
    const name = { zh: '<script>alert(1)</script>', en: '"><img src=x onerror=alert(1)>' }
    const html = residentsHtml({ site: name, name, categories: [{ id: 'x', name }], repairs: [{ id: '0123456789abcdef', title: name }] }, 'en')
    expect(html.match(/<script/g)).toHaveLength(1)
    expect(html).not.toContain('<img')
    expect(escapeHtml(`'"<>&`)).toBe('&#39;&#34;&#60;&#62;&#38;')
  })

  it('with IPv6 counts as one address a network', () => {
    expect(addressKey('2001:db8:1:2::1')).toBe(addressKey('2001:0db8:1:2:ffff:1:2:3'))
    expect(addressKey('2001:db8:1:3::1')).not.toBe(addressKey('2001:db8:1:2::1'))
    expect(addressKey('::ffff:192.168.1.7')).toBe('192.168.1.7')
    expect(addressKey('fe80::1%eth0')).toBe('fe80:0:0:0')
  })
})

describe("the residents' page", () => {
  it('is off unless the site file turns it on, and asks then how telephones reach it', async () => {
    const served = await serveConsole()
    expect(served.gateway.status().alerts).toEqual([])
    await expect(readFile(path.join(served.folder, 'data/residents/codes.key'))).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(serveConsole({ more: ['residents: { page: { enabled: true } }'] })).rejects.toMatchObject({ problems: [{ text: expect.stringContaining('residents.page') }] })
  })

  it('that cannot be opened is an alert, and the building goes on', async () => {
    const hall = await serveHall()
    const served = await serveConsole({ more: [`residents: { page: { enabled: true, listen: { port: ${new URL(hall.address).port} }, url: "${hall.address}" } }`] })
    expect(served.gateway.status().alerts).toMatchObject([{ key: 'gateway/residents/failing', data: { code: 'RESIDENTS_LISTEN' } }])
    await writeFile(path.join(hall.folder, 'data/residents/generations.json'), '{"terminal/hall-1": "two"}')
    await expect(printed(hall.file)).rejects.toMatchObject({ code: 'RESIDENTS_FILE' })
    expect((await hall.open('/r/000000000000')).status).toBe(503)
  })
})
