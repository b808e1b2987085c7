import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import fastify from 'fastify'
import { describe, expect, it, onTestFinished } from 'vitest'
import { routes } from '../../../gateway/console/api/routes.ts'
import { systemClock } from '../../../gateway/kit/index.ts'
import { admin, adminPassword, claimed, loggedIn, serveConsole } from '../../support/console.ts'
import { servePages } from '../../../gateway/console/pages.ts'
import { tempFolder } from '../../support/resources.ts'
import { authority } from '../../support/certificates.ts'

/** What comes back on bytes that no client library would send. */
function firstLine(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.once('data', (chunk: Buffer) => { socket.destroy(); resolve(chunk.toString().split('\r\n')[0]!) })
    socket.on('error', reject)
  })
}

describe('who gets in', () => {
  it('has no default account: nothing but the claim code opens a new box, and it opens it once', async () => {
    const served = await serveConsole()
    const caller = served.caller()
    expect((await caller.ask('/api/session')).body).toMatchObject({ state: 'claim' })
    for (const id of ['admin', 'root', 'linli', 'demo']) expect((await served.caller().post('/api/session/login', { id, password: id })).status).toBeGreaterThanOrEqual(401)
    const code = await served.code()
    expect(await readFile(path.join(served.folder, 'data/console/claim.json'), 'utf8')).not.toContain(code.replaceAll('-', ''))
    expect((await caller.post('/api/claim', { ...admin, code: 'AAAA-BBBB-CCCC' })).body).toMatchObject({ code: 'CONSOLE_CLAIM' })
    expect((await caller.post('/api/claim', { ...admin, code: code.toLowerCase().replaceAll('-', ' ') })).body).toMatchObject({ state: 'in', user: { id: 'wang', role: 'admin' } })
    expect((await served.caller().post('/api/claim', { ...admin, id: 'mallory', code })).body).toMatchObject({ code: 'CONSOLE_CLAIM_USED' })
    expect((await caller.ask('/api/users')).body.map(({ id }: { id: string }) => id)).toEqual(['wang'])
  })

  it('gives two who claim with one code at the same moment one account', async () => {
    const served = await serveConsole()
    const code = await served.code()
    const replies = await Promise.all(['one', 'two'].map((id) => served.caller().post('/api/claim', { ...admin, id, code })))
    expect(replies.map(({ status }) => status).toSorted()).toEqual([200, 401])
  })

  it('lets nobody read or order anything without a session, whatever the route', async () => {
    const served = await serveConsole()
    const caller = served.caller()
    for (const { method, path: target, role } of Object.values(routes).filter((route) => route.role !== 'public')) {
      const reply = await caller.ask(target.replace(':id', target.includes('points') ? 'kiosk.paper' : 'kiosk'), { method, ...(method === 'POST' ? { body: {} } : {}) })
      expect([target, role, reply.status, reply.body?.code]).toEqual([target, role, 401, 'CONSOLE_LOGIN'])
    }
    expect((await caller.ask('/api/stream')).status).toBe(401)
  })

  it('holds viewers, staff and installers to their roles', async () => {
    const served = await serveConsole()
    const boss = await claimed(served)
    const [viewer, staff, installer] = [await loggedIn(served, boss, 'viewer'), await loggedIn(served, boss, 'staff'), await loggedIn(served, boss, 'installer')]
    expect((await viewer.ask('/api/overview')).status).toBe(200)
    expect((await viewer.post('/api/alerts/silence')).body).toMatchObject({ code: 'CONSOLE_ROLE' })
    expect((await staff.post('/api/alerts/silence')).status).toBe(200)
    expect((await staff.post('/api/maintenance', { device: 'kiosk', forMs: 60_000, reason: 'paper' })).body).toMatchObject({ code: 'CONSOLE_ROLE' })
    expect((await staff.post('/api/points/kiosk.paper/write', { value: 1 })).body).toMatchObject({ code: 'CONSOLE_ROLE' })
    expect((await installer.post('/api/maintenance', { device: 'kiosk', forMs: 60_000, reason: 'paper' })).status).toBe(200)
    for (const caller of [viewer, staff, installer]) for (const target of ['/api/users', '/api/audit']) expect((await caller.ask(target)).status).toBe(403)
  })

  it('keeps passwords, PINs and sessions as hashes in files that only the gateway reads', async () => {
    const served = await serveConsole()
    const caller = await claimed(served)
    await caller.post('/api/pins', { person: 'zhang', pin: '135790' })
    const folder = path.join(served.folder, 'data/console')
    const token = caller.cookie!.split('=')[1]!
    for (const name of await readdir(folder)) {
      const text = await readFile(path.join(folder, name), 'utf8')
      expect([name, text.includes(adminPassword), text.includes('135790'), text.includes(token)]).toEqual([name, false, false, false])
      expect([name, (await stat(path.join(folder, name))).mode & 0o077]).toEqual([name, 0])
    }
    expect(JSON.parse(await readFile(path.join(folder, 'accounts.json'), 'utf8')).accounts[0].secret).toMatchObject({ memory: 19_456, passes: 2 })
  })

  it('makes who guesses wait, also after a restart, and never long before the box itself', async () => {
    const served = await serveConsole()
    await claimed(served)
    const guess = () => served.caller().post('/api/session/login', { id: 'wang', password: 'wrong' })
    const first = [await guess(), await guess(), await guess()]
    expect(first.map(({ body }) => body.code)).toEqual(['CONSOLE_CREDENTIALS', 'CONSOLE_CREDENTIALS', 'CONSOLE_CREDENTIALS'])
    const waits = await guess()
    expect(waits.body).toMatchObject({ code: 'CONSOLE_WAIT' })
    expect(waits.headers['retry-after']).toBe('1')
    const kept = JSON.parse(await readFile(path.join(served.folder, 'data/console/failures.json'), 'utf8'))
    expect(kept['local/wang'].failures).toBe(3)
    await served.stop()
    const again = await serveConsole({ folder: served.folder })
    await expect.poll(async () => (await again.caller().post('/api/session/login', { id: 'wang', password: adminPassword })).status, { timeout: 4_000, interval: 200 }).toBe(200)
    expect(JSON.parse(await readFile(path.join(served.folder, 'data/console/failures.json'), 'utf8'))).toEqual({})
  })

  it('counts tries that come side by side one by one', async () => {
    const served = await serveConsole()
    await claimed(served)
    const replies = await Promise.all(Array.from({ length: 12 }, () => served.caller().post('/api/session/login', { id: 'wang', password: 'wrong' })))
    expect(replies.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(3)
    expect(replies.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(9)
  })

  it('ends sessions with the account: at logout, with a new password, when it is disabled or removed', async () => {
    const served = await serveConsole()
    const boss = await claimed(served)
    const staff = await loggedIn(served, boss, 'staff')
    const stolen = served.caller()
    stolen.cookie = staff.cookie
    await staff.post('/api/session/logout')
    expect((await stolen.ask('/api/overview')).status).toBe(401)
    for (const change of [{ password: 'another password' }, { disabled: true }]) {
      const id = `u-${Object.keys(change)[0]}`
      const caller = await loggedIn(served, boss, 'staff', id)
      expect((await boss.post(`/api/users/${id}`, change)).status).toBe(200)
      expect((await caller.ask('/api/overview')).status).toBe(401)
    }
    const gone = await loggedIn(served, boss, 'viewer', 'gone')
    expect((await boss.ask('/api/users/gone', { method: 'DELETE' })).status).toBe(200)
    expect((await gone.ask('/api/overview')).status).toBe(401)
    expect((await boss.post('/api/users/wang', { role: 'staff' })).body).toMatchObject({ code: 'CONSOLE_LAST_ADMIN' })
  })

  it('keeps a session over a restart', async () => {
    const served = await serveConsole()
    const boss = await claimed(served)
    await served.stop()
    const again = await serveConsole({ folder: served.folder })
    const caller = again.caller()
    caller.cookie = boss.cookie
    expect((await caller.ask('/api/session')).body).toMatchObject({ state: 'in', user: { id: 'wang' } })
  })

  it('does not open the first run again because the accounts are damaged', async () => {
    const served = await serveConsole()
    await claimed(served)
    await served.stop()
    await writeFile(path.join(served.folder, 'data/console/accounts.json'), '{"accounts":[')
    const again = await serveConsole({ folder: served.folder })
    expect(again.gateway.console).toBeNull()
    expect(again.gateway.status().alerts.map(({ key, data }) => [key, data.code])).toContainEqual(['gateway/console/failing', 'CONSOLE_FILE'])
  })

  it('opens by a one-time address once', async () => {
    const served = await serveConsole()
    const address = served.gateway.console!.openUrl()
    const token = address.split('#open=')[1]!
    expect(served.gateway.console!.isFresh(address)).toBe(true)
    expect((await served.caller().post('/api/session/open', { token })).body).toMatchObject({ state: 'in', user: { id: 'demo', role: 'admin' } })
    expect((await served.caller().post('/api/session/open', { token })).body).toMatchObject({ code: 'CONSOLE_CLAIM' })
    expect(served.gateway.console!.isFresh(address)).toBe(false)
  })
})

describe('what a browser is told, and asked', () => {
  it('sends a cookie that no script reads and no other site sends', async () => {
    const served = await serveConsole()
    const reply = await served.caller().post('/api/claim', { ...admin, code: await served.code() })
    const [cookie] = reply.headers['set-cookie'] as string[]
    expect(cookie).toMatch(/^linli=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/)
  })

  it('uses a __Host- cookie, Secure, over TLS', async () => {
    const { cert, key } = await (await authority()).issue('console', 'localhost')
    const served = await serveConsole({ console: `{ enabled: true, listen: { port: 0 }, tls: { cert: ${cert}, key: ${key} } }` })
    expect(served.url).toMatch(/^https:/)
    const caller = served.caller()
    const reply = await caller.post('/api/claim', { ...admin, code: await served.code() })
    expect((reply.headers['set-cookie'] as string[])[0]).toMatch(/^__Host-linli=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+; Secure$/)
    expect((await caller.ask('/api/overview')).status).toBe(200)
  })

  it('forbids inline scripts, frames, sniffing and strangers, on every answer', async () => {
    const served = await serveConsole()
    for (const target of ['/', '/api/session', '/api/overview', '/nothing', '/healthz', '/api/nothing']) {
      const { headers } = await served.caller().ask(target)
      expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'x-frame-options': 'DENY' })
      expect(headers['content-security-policy']).toMatch(/default-src 'none'.*frame-ancestors 'none'/)
      expect(headers['content-security-policy']).not.toMatch(/unsafe|\*/)
    }
  })

  it('answers to no name it does not know: a rebound DNS name reads nothing', async () => {
    const served = await serveConsole({ console: '{ enabled: true, listen: { port: 0 }, hosts: [linli.local] }' })
    const { port } = new URL(served.url)
    for (const host of [`evil.example:${port}`, 'evil.example', '169.254.169.254', `127.0.0.1.evil.example:${port}`, `127.0.0.1@evil.example`]) {
      expect([host, (await served.caller().ask('/api/session', { headers: { host } })).body?.code]).toEqual([host, 'CONSOLE_HOST'])
    }
    for (const line of ['', 'Host:\r\n', 'Host: a\r\nHost: 127.0.0.1\r\n']) expect([line, await firstLine(Number(port), `GET /api/session HTTP/1.1\r\n${line}Connection: close\r\n\r\n`)]).toEqual([line, expect.stringMatching(/^HTTP\/1\.1 4/)])
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `linli.local:${port}`, 'LINLI.local']) expect([host, (await served.caller().ask('/api/session', { headers: { host } })).status]).toEqual([host, 200])
  })

  it('takes no order from another site\'s page', async () => {
    const served = await serveConsole()
    const caller = await claimed(served)
    const order = (headers: Record<string, string>) => caller.post('/api/alerts/silence', {}, headers)
    for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }, { origin: `${served.url}0` }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { 'sec-fetch-site': 'none' }] as readonly Record<string, string>[]) {
      expect([headers, (await order(headers)).body.code]).toEqual([headers, 'CONSOLE_ORIGIN'])
    }
    expect((await order({ origin: served.url, 'sec-fetch-site': 'same-origin' })).status).toBe(200)
    expect((await caller.ask('/api/overview', { headers: { 'sec-fetch-site': 'cross-site' } })).body.code).toBe('CONSOLE_ORIGIN')
  })

  it('takes orders as JSON only: no form, no text', async () => {
    const served = await serveConsole()
    const caller = await claimed(served)
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      expect([type, (await caller.ask('/api/alerts/silence', { method: 'POST', raw: '{}', type })).status]).toEqual([type, 415])
    }
  })

  it.for([
    ['cut off', '{"id":', 400], ['a list', '[]', 400], ['a field too many', '{"id":"wang","password":"x","extra":1}', 400], ['no name', '{"id":"WANG; --","password":"x"}', 400], ['null', 'null', 400],
    ['twenty thousand letters', `{"id":"${'a'.repeat(20_000)}"}`, 413], ['a prototype', '{"__proto__":{"role":"admin"},"id":"wang","password":"x"}', 400],
  ] as const)('answers an order that is %s with a code and no inner word', async ([, raw, status]) => {
    const served = await serveConsole()
    const reply = await served.caller().ask('/api/session/login', { method: 'POST', raw })
    expect([reply.status, reply.body.code]).toEqual([status, 'CONSOLE_REQUEST'])
    expect(reply.text).not.toMatch(/at .*\.ts|node_modules/)
  })

  it('serves no file outside the page\'s folder', async () => {
    const served = await serveConsole()
    for (const target of ['/../server.ts', '/%2e%2e/server.ts', '/..%2fserver.ts', '/assets/..%2f..%2fserver.ts', '/%00', '/.git/config', '/%c0%ae%c0%ae/server.ts']) {
      const reply = await served.caller().ask(target)
      expect([target, reply.status >= 400, reply.text.includes('serveConsole')]).toEqual([target, true, false])
    }
  })

  it('refuses to speak plain HTTP on a network unless the site file says so', async () => {
    await expect(serveConsole({ console: '{ enabled: true, listen: { host: 0.0.0.0, port: 0 } }' })).rejects.toMatchObject({ problems: [{ text: expect.stringContaining('plainHttp') }] })
    const served = await serveConsole({ console: '{ enabled: true, listen: { host: 0.0.0.0, port: 0 }, plainHttp: true }' })
    expect((await served.caller().ask('/api/session')).body).toMatchObject({ local: true, unprotected: false })
  })

  it('slows down an address that asks without end', async () => {
    // All at one moment: a machine that is slow itself would ask too seldom to be slowed down.
    let moment: number | null = null
    const served = await serveConsole({ clock: { ...systemClock, monotonic: () => moment ?? systemClock.monotonic() } })
    moment = systemClock.monotonic()
    const agent = new Agent({ keepAlive: true, maxSockets: 8 })
    const ask = () => new Promise<number>((resolve, reject) => { request(`${served.url}/healthz`, { agent }, (answer) => { answer.resume(); answer.on('end', () => resolve(answer.statusCode!)) }).on('error', reject).end() })
    const statuses = await Promise.all(Array.from({ length: 4_500 }, ask))
    agent.destroy()
    moment = null
    expect(statuses.filter((status) => status === 200)).toHaveLength(4_000)
    expect(statuses.filter((status) => status === 429)).toHaveLength(500)
  })
})

describe('the page\'s files', () => {
  it('are asked for each time, but for those with a hash in their names; without a build a page says how to make one', async () => {
    const folder = await tempFolder()
    const app = fastify()
    onTestFinished(() => app.close())
    await servePages(app, folder)
    const missing = await app.inject('/')
    expect([missing.statusCode, missing.headers['cache-control']]).toEqual([503, 'no-store'])
    expect(missing.body).toContain('node scripts/console.mjs')
    await mkdir(path.join(folder, 'assets'))
    await Promise.all([writeFile(path.join(folder, 'index.html'), '<!doctype html>'), writeFile(path.join(folder, 'assets/index-1a2b3c4d.js'), 'let a')])
    expect((await app.inject('/')).headers).toMatchObject({ 'cache-control': 'no-cache', 'content-type': 'text/html; charset=utf-8', etag: expect.any(String) })
    expect((await app.inject('/assets/index-1a2b3c4d.js')).headers).toMatchObject({ 'cache-control': 'public, max-age=31536000, immutable', 'content-type': expect.stringContaining('javascript') })
    const gone = await app.inject('/assets/index-00000000.js')
    expect([gone.statusCode, gone.headers['cache-control']]).toEqual([404, undefined])
  })
})

describe('the audit log', () => {
  it('names who did what from where, refused or not, and no secret', async () => {
    const served = await serveConsole()
    const boss = await claimed(served)
    const viewer = await loggedIn(served, boss, 'viewer')
    await viewer.post('/api/alerts/silence')
    await boss.post('/api/maintenance', { device: 'kiosk', forMs: 60_000, reason: 'paper' })
    await viewer.post('/api/session/login', { id: 'wang', password: adminPassword })
    await served.caller().post('/api/session/open', { token: served.gateway.console!.openUrl().split('#open=')[1]! })
    await served.caller().post('/api/session/login', { id: 'wang', password: 'not that' })
    const { entries, intact } = (await boss.ask('/api/audit')).body
    expect(intact).toBe(true)
    expect(entries.map(({ by, action, target, outcome }: Record<string, string>) => [by, action, target, outcome])).toEqual([
      ['-', 'login', 'wang', 'CONSOLE_CREDENTIALS'], ['demo', 'open', undefined, 'done'], ['wang', 'login', 'wang', 'done'],
      ['wang', 'beginMaintenance', undefined, 'done'], ['viewer', 'silence', undefined, 'CONSOLE_ROLE'], ['viewer', 'login', 'viewer', 'done'], ['wang', 'addUser', 'viewer', 'done'], ['wang', 'claim', 'wang', 'done'],
    ])
    expect(await readFile(path.join(served.folder, 'data/console/audit.jsonl'), 'utf8')).not.toMatch(/password of|correct horse/)
  })

  it('shows that a line was changed, removed or added', async () => {
    const served = await serveConsole()
    const boss = await claimed(served)
    for (let n = 0; n < 4; n++) await boss.post('/api/alerts/silence')
    const file = path.join(served.folder, 'data/console/audit.jsonl')
    const whole = await readFile(file, 'utf8')
    const lines = whole.trimEnd().split('\n')
    const forged = [whole.replace('"action":"silence"', '"action":"logout"'), `${lines.toSpliced(2, 1).join('\n')}\n`, `${lines.toSpliced(2, 0, lines[2]!).join('\n')}\n`, `${whole}{"seq":6}\n`]
    for (const text of forged) {
      await writeFile(file, text)
      expect((await boss.ask('/api/audit')).body.intact).toBe(false)
    }
    await writeFile(file, whole)
    expect((await boss.ask('/api/audit')).body.intact).toBe(true)
  })
})
