import { request } from 'node:http'
import path from 'node:path'
import Ajv2020 from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { connectAsync } from 'mqtt'
import { describe, expect, it, onTestFinished } from 'vitest'
import { routes, type Route } from '../../../gateway/console/api/routes.ts'
import { streamEvents } from '../../../gateway/console/api/stream.ts'
import { controlClient } from '../../../gateway/control/client.ts'
import { claimed, loggedIn, serveConsole, type Caller, type Served } from '../../support/console.ts'
import { devicePassword } from '../../support/gateways.ts'
import { jpeg, withExif } from '../../support/photos.ts'

/** The terminal speaks as its maker would have it. */
async function kiosk(served: Served) {
  const client = await connectAsync(`mqtt://127.0.0.1:${served.brokerPort}`, { username: 'kiosk', password: devicePassword, clientId: 'kiosk' })
  onTestFinished(() => client.endAsync(true))
  let seq = 0
  return { report: () => client.publishAsync('devices/kiosk/help', JSON.stringify({ at: Date.now(), id: 'h-1', reason: 'help' }), { qos: 1 }), say: (paper: number) => client.publishAsync('devices/kiosk/state', JSON.stringify({ seq: ++seq, paper, printer: 'ok', online: true }), { qos: 1 }) }
}

/** An answer, held against the schema that the page and the document are told. */
async function get(caller: Caller, name: keyof typeof routes, target: string) {
  const reply = await caller.ask(target)
  expect([target, reply.status, reply.text.slice(0, 200)]).toEqual([target, 200, expect.any(String)])
  const parsed = (routes[name] as Route).answer.safeParse(reply.body)
  expect(parsed.error?.issues ?? []).toEqual([])
  return reply.body
}

interface Frame { readonly event: string; readonly data: any }
/** Server-sent events as they come. */
async function listen(served: Served, caller: Caller): Promise<{ readonly frames: Frame[]; readonly ended: Promise<void>; of(event: string): any[] }> {
  const frames: Frame[] = []
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  await new Promise<void>((open, fail) => {
    const sent = request(`${served.url}/api/stream`, { headers: { cookie: caller.cookie! } }, (answer) => {
      expect(answer.headers['content-type']).toBe('text/event-stream')
      expect(answer.headers['x-content-type-options']).toBe('nosniff')
      let rest = ''
      answer.on('data', (chunk: Buffer) => {
        const parts = (rest + chunk).split('\n\n')
        rest = parts.pop()!
        for (const part of parts) { const match = /^(?:retry: \d+\n)?event: (\w+)\ndata: (.*)$/.exec(part); if (match) frames.push({ event: match[1]!, data: JSON.parse(match[2]!) }) }
      })
      answer.on('close', resolve)
      answer.on('error', () => {})
      open()
    })
    sent.on('error', fail).end()
    onTestFinished(() => { sent.destroy() })
  })
  return { frames, ended, of: (event) => frames.filter((frame) => frame.event === event).map(({ data }) => data) }
}

describe('the API', () => {
  it('answers everything that can be read as its schemas say, with devices at work', async () => {
    const served = await serveConsole()
    const caller = await claimed(served)
    const device = await kiosk(served)
    await device.say(55)
    await expect.poll(async () => (await caller.ask('/api/devices/kiosk')).body.points.find(({ id }: { id: string }) => id === 'kiosk.paper')?.value).toBe(55)
    const { alert: id } = (await caller.post('/api/alerts/test', { severity: 2 })).body
    const now = Date.now()
    const detail = await get(caller, 'device', '/api/devices/kiosk')
    expect(detail).toMatchObject({ state: 'online', place: 'hall', driver: 'mqtt', bus: { id: 'broker', state: 'online' } })
    expect(await get(caller, 'overview', '/api/overview')).toMatchObject({ tiles: [{ place: 'hall', name: { zh: '办事大厅', en: 'service hall' }, items: [{ kind: 'terminal', id: 'hall-1' }] }], link: { state: 'none' } })
    expect((await get(caller, 'alert', `/api/alerts/${id}`)).timeline.map(({ what }: { what: string }) => what)).toContain('raised')
    expect((await get(caller, 'alerts', '/api/alerts')).open).toHaveLength(1)
    expect(await get(caller, 'people', '/api/people')).toMatchObject([{ id: 'zhang', pin: false }, { id: 'li' }, { id: 'wang', kind: 'account' }])
    for (const [name, target] of [
      ['session', '/api/session'], ['statistics', '/api/statistics'], ['devices', '/api/devices'], ['history', `/api/history?point=kiosk.paper&from=${now - 3_600_000}&to=${now}`], ['doors', '/api/doors'],
      ['terminals', '/api/terminals'], ['events', `/api/events?from=${now - 3_600_000}&to=${now + 60_000}`], ['link', '/api/link'], ['deadLetters', '/api/dead-letters'], ['maintenance', '/api/maintenance'],
      ['shift', '/api/shift'], ['users', '/api/users'], ['audit', '/api/audit'],
    ] as const) await get(caller, name, target)
    const last = await get(caller, 'events', `/api/events?from=${now - 3_600_000}&to=${now + 60_000}&limit=2`)
    expect(last.events).toHaveLength(2)
    expect(last.more).toBe(true)
    expect(last.events[0].at).toBeGreaterThanOrEqual(last.events[1].at)
    expect((await get(caller, 'events', `/api/events?from=${now - 3_600_000}&to=${now + 60_000}&types=alert`)).events.every(({ type }: { type: string }) => type === 'alert')).toBe(true)
  })

  it('lets the first who acknowledges be the one, tells the second who, and takes an act that is sent twice once', async () => {
    const served = await serveConsole()
    const boss = await claimed(served)
    const staff = await loggedIn(served, boss, 'staff')
    const { alert } = (await boss.post('/api/alerts/test', { severity: 1 })).body
    const order = { act: 'acknowledge', id: '0123456789abcdef' }
    const [first, again, second] = [await boss.post(`/api/alerts/${alert}/acts`, order), await boss.post(`/api/alerts/${alert}/acts`, order), await staff.post(`/api/alerts/${alert}/acts`, { act: 'acknowledge' })]
    expect(first.body).toMatchObject({ outcome: 'applied', alert: { acknowledged: { by: 'wang' } } })
    expect(again.body).toMatchObject({ outcome: 'already', alert: { acknowledged: { by: 'wang' } } })
    expect(second.body).toMatchObject({ outcome: 'already', alert: { acknowledged: { by: 'wang' } } })
    const { timeline } = (await boss.ask(`/api/alerts/${alert}`)).body
    expect(timeline.filter(({ what }: { what: string }) => what === 'acknowledged')).toHaveLength(1)
    expect((await boss.post(`/api/alerts/${alert}/acts`, { act: 'shelve', forMs: 3_600_000 })).body).toMatchObject({ code: 'CONSOLE_REQUEST' })
    expect((await boss.post('/api/alerts/ffffffffffffffff/acts', { act: 'acknowledge' })).body).toMatchObject({ code: 'ALERT_UNKNOWN' })
    expect((await boss.post(`/api/alerts/${alert}/acts`, { act: 'acknowledge', by: 'somebody-else' })).body).toMatchObject({ code: 'CONSOLE_REQUEST' })
  })

  it('takes a photo for a repair, encoded anew, and shows it to whoever is logged in and to nobody else', async () => {
    const served = await serveConsole()
    const boss = await claimed(served)
    const viewer = await loggedIn(served, boss, 'viewer')
    const { report } = await kiosk(served)
    await report()
    await expect.poll(() => served.gateway.status().alerts).toHaveLength(1)
    const alert = served.gateway.status().alerts[0]!.id
    const taken = withExif(await jpeg(64, 48))
    const order = { jpeg: taken.toString('base64') }
    expect((await viewer.post('/api/photos', order)).body).toMatchObject({ code: 'CONSOLE_ROLE' })
    expect((await boss.post('/api/photos', order, { origin: 'http://elsewhere.example' })).body).toMatchObject({ code: 'CONSOLE_ORIGIN' })
    expect(await boss.post('/api/photos', { jpeg: Buffer.from('<svg onload=alert(1)>').toString('base64') })).toMatchObject({ status: 400, body: { code: 'PHOTO_INVALID' } })
    expect((await boss.post(`/api/alerts/${alert}/acts`, { act: 'resolve', note: '已更换', photo: '0123456789abcdef' })).body).toMatchObject({ code: 'PHOTO_UNKNOWN' })
    const { id } = (await boss.post('/api/photos', order)).body
    expect((await boss.post(`/api/alerts/${alert}/acts`, { act: 'resolve', note: '已更换', photo: id })).body).toMatchObject({ outcome: 'applied', alert: { state: 'resolved' } })
    expect((await viewer.ask(`/api/alerts/${alert}`)).body.timeline.at(-1)).toMatchObject({ what: 'resolved', data: { note: '已更换', photo: id } })
    const shown = await viewer.ask(`/api/photos/${id}`)
    expect(shown).toMatchObject({ status: 200, headers: { 'content-type': 'image/jpeg', 'x-content-type-options': 'nosniff' } })
    expect(shown.text).not.toContain('GPS')
    expect((await served.caller().ask(`/api/photos/${id}`)).status).toBe(401)
    expect((await viewer.ask('/api/photos/..%2f..%2fsite.yaml')).status).toBe(404)
  })
  it('takes who acts and who is given an alert from the roster, and says which id was meant', async () => {
    const served = await serveConsole()
    const boss = await claimed(served)
    const control = controlClient(path.join(served.folder, 'data/linli.sock'))
    const { alert } = (await boss.post('/api/alerts/test', { severity: 3 })).body
    const unknown = (id: string) => ({ code: 'ALERT_PERSON_UNKNOWN', message: expect.stringContaining(id) })
    for (const order of [{ act: 'acknowledge', alert }, { test: 1 }, { silence: true }]) await expect(control.orderAlerts({ ...order, by: 'zhagn' })).rejects.toMatchObject(unknown('did you mean "zhang"?'))
    await expect(control.orderAlerts({ act: 'assign', alert, to: 'nobody-of-here', by: 'li' })).rejects.toMatchObject(unknown('there are zhang, li'))
    expect((await boss.post(`/api/alerts/${alert}/acts`, { act: 'assign', to: 'zhagn' })).body).toMatchObject(unknown('zhang'))
    expect(await control.alert(alert)).toMatchObject({ state: 'raised', timeline: [{ what: 'raised' }] })
    // Nobody is named: whoever has the terminal. An account of the page is somebody too, there.
    expect(await control.orderAlerts({ act: 'acknowledge', alert })).toMatchObject({ outcome: 'applied', alert: { acknowledged: { by: 'local' } } })
    expect(await control.orderAlerts({ act: 'assign', alert, to: 'zhang', by: 'li' })).toMatchObject({ outcome: 'applied', alert: { assigned: { by: 'li', to: 'zhang' } } })
    expect((await boss.post(`/api/alerts/${alert}/acts`, { act: 'assign', to: 'wang' })).body).toMatchObject({ outcome: 'applied', alert: { assigned: { by: 'wang', to: 'wang' } } })
  })
  it('gives the desk to a person of the roster by PIN: acts carry that name, and a note greets the next', async () => {
    const served = await serveConsole()
    const boss = await claimed(served)
    const desk = await loggedIn(served, boss, 'staff', 'desk')
    expect((await desk.post('/api/shift', { person: 'zhang', pin: '1234' })).body).toMatchObject({ code: 'CONSOLE_CREDENTIALS' })
    expect((await boss.post('/api/pins', { person: 'nobody', pin: '1234' })).body).toMatchObject({ code: 'CONSOLE_UNKNOWN' })
    await boss.post('/api/pins', { person: 'zhang', pin: '1234' })
    expect((await desk.post('/api/shift', { person: 'zhang', pin: '4321' })).body).toMatchObject({ code: 'CONSOLE_CREDENTIALS' })
    expect((await desk.post('/api/shift', { person: 'zhang', pin: '1234' })).body).toMatchObject({ person: { id: 'zhang', name: { zh: '张三' } }, handover: null })
    const { alert } = (await desk.post('/api/alerts/test', { severity: 3 })).body
    expect((await desk.post(`/api/alerts/${alert}/acts`, { act: 'acknowledge' })).body.alert.acknowledged.by).toBe('zhang')
    expect((await desk.post('/api/shift/end', { note: '东门维修中' })).body).toMatchObject({ person: null, handover: { by: 'zhang', note: '东门维修中' } })
    await served.stop()
    const again = await serveConsole({ folder: served.folder })
    const next = again.caller()
    next.cookie = desk.cookie
    expect((await next.ask('/api/shift')).body).toMatchObject({ person: null, handover: { by: 'zhang', note: '东门维修中' } })
  })

  it('begins and ends maintenance under the name of who is logged in', async () => {
    const served = await serveConsole()
    const caller = await claimed(served)
    const { body: entry } = await caller.post('/api/maintenance', { place: 'hall', forMs: 7_200_000, reason: '换纸' })
    expect(entry).toMatchObject({ place: 'hall', by: 'wang', reason: '换纸' })
    expect((await get(caller, 'device', '/api/devices/kiosk')).mode).toBe('maintenance')
    expect((await caller.ask(`/api/maintenance/${entry.id}`, { method: 'DELETE' })).body).toEqual({ ended: true })
    expect((await caller.post('/api/maintenance', { place: 'nowhere', forMs: 7_200_000, reason: 'x' })).body).toMatchObject({ code: 'MAINTENANCE_INVALID' })
  })

  it('tells a script what a device says to a write', async () => {
    const served = await serveConsole()
    const caller = await claimed(served)
    expect((await caller.post('/api/points/kiosk.paper/write', { value: 1 })).body).toMatchObject({ code: 'POINT_NOT_WRITABLE' })
    expect((await caller.post('/api/points/kiosk.nothing/write', { value: 1 }))).toMatchObject({ status: 404, body: { code: 'POINT_UNKNOWN' } })
  })

  it('is not there, and costs nothing, where the site file does not turn it on', async () => {
    const served = await serveConsole({ console: '{ listen: { port: 0 } }' })
    expect(served.gateway.console).toBeNull()
  })

  it('lets the building go on, with an alert, when another program has its port', async () => {
    const first = await serveConsole()
    const { port } = new URL(first.url)
    const second = await serveConsole({ console: `{ enabled: true, listen: { port: ${port} } }` })
    expect(second.gateway.console).toBeNull()
    await expect.poll(() => second.gateway.status().alerts.map(({ key, data }) => [key, data.code])).toContainEqual(['gateway/console/failing', 'CONSOLE_LISTEN'])
  })
})

describe('the live stream', () => {
  it('greets, beats within 3 s, tells what changed within a tick and an alert at once', async () => {
    const served = await serveConsole()
    const caller = await claimed(served)
    const device = await kiosk(served)
    await device.say(55)
    await expect.poll(async () => (await caller.ask('/api/devices/kiosk')).body.points.find(({ id }: { id: string }) => id === 'kiosk.paper')?.value).toBe(55)
    const stream = await listen(served, caller)
    await expect.poll(() => stream.of('hello')).toHaveLength(1)
    const before = performance.now()
    await caller.post('/api/alerts/test', { severity: 1 })
    await expect.poll(() => stream.of('alert').length, { interval: 5 }).toBeGreaterThan(0)
    expect(performance.now() - before).toBeLessThan(500)
    await device.say(54)
    await device.say(53)
    await expect.poll(() => stream.of('diff').flatMap(({ readings }) => readings ?? []).findLast(({ point }: { point: string }) => point === 'kiosk.paper')?.value, { timeout: 3_000 }).toBe(53)
    await expect.poll(() => stream.of('beat').length, { timeout: 5_000 }).toBeGreaterThan(0)
    for (const { event, data } of stream.frames) expect([event, streamEvents[event as keyof typeof streamEvents].safeParse(data).error?.issues]).toEqual([event, undefined])
    expect(stream.of('alert')[0].alert.timeline).toEqual([])
  })

  it('tells every page the same', async () => {
    const served = await serveConsole()
    const caller = await claimed(served)
    const pages = await Promise.all(Array.from({ length: 100 }, () => listen(served, caller)))
    const device = await kiosk(served)
    await device.say(12)
    for (const page of pages) await expect.poll(() => page.of('diff').flatMap(({ readings }) => readings ?? []).find(({ point }: { point: string }) => point === 'kiosk.paper')?.value).toBe(12)
    expect((await caller.ask('/metrics')).text).toContain('linli_console_streams 100\n')
  })

  it('ends when the session does, and with the gateway', async () => {
    const served = await serveConsole()
    const boss = await claimed(served)
    const staff = await loggedIn(served, boss, 'staff')
    const [mine, theirs] = [await listen(served, boss), await listen(served, staff)]
    await boss.ask('/api/users/staff', { method: 'DELETE' })
    await theirs.ended
    await served.stop()
    await mine.ended
  })
})

describe('what machines ask', () => {
  it('says that it lives and is ready', async () => {
    const served = await serveConsole()
    expect((await served.caller().ask('/healthz')).text).toBe('ok\n')
    expect((await served.caller().ask('/readyz')).body).toEqual({ ready: true, waits: [] })
  })

  it('gives metrics in the text format of Prometheus', async () => {
    const served = await serveConsole()
    const device = await kiosk(served)
    await device.say(55)
    const reply = await served.caller().ask('/metrics')
    expect(reply.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
    const typed = new Set<string>()
    for (const line of reply.text.trimEnd().split('\n')) {
      const type = /^# TYPE (\w+) (?:counter|gauge)$/.exec(line)
      if (type) { expect(typed).not.toContain(type[1]); typed.add(type[1]!); continue }
      if (/^# HELP \w+ \S.*$/.test(line)) continue
      const sample = /^(\w+)(?:\{(?:\w+="(?:[^"\\\n]|\\["\\n])*"(?:,(?!\})|(?=\})))*\})? (?:NaN|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/.exec(line)
      expect([line, sample !== null && typed.has(sample[1]!)]).toEqual([line, true])
    }
    for (const name of ['linli_readings_total', 'linli_journal_fsync_seconds', 'linli_alerts_open', 'linli_event_loop_delay_seconds', 'linli_connection_up', 'linli_stream_bytes']) expect(typed).toContain(name)
    expect(Number(/^linli_readings_total (\d+)$/m.exec(reply.text)![1])).toBeGreaterThan(0)
  })

  it('describes itself in OpenAPI 3.1: every route, every schema valid, and true of real answers', async () => {
    const served = await serveConsole()
    const caller = await claimed(served)
    const document = (await caller.ask('/api/openapi.json')).body
    expect(document).toMatchObject({ openapi: '3.1.0', info: { title: expect.any(String), version: expect.any(String) } })
    const ajv = new Ajv2020.default({ strict: false })
    addFormats.default(ajv)
    ajv.addSchema(document, 'document')
    const ids = new Set<string>()
    for (const [target, methods] of Object.entries<Record<string, any>>(document.paths)) {
      for (const operation of Object.values(methods)) {
        expect(ids).not.toContain(operation.operationId)
        ids.add(operation.operationId)
        expect((operation.parameters ?? []).filter((each: any) => each.in === 'path').map((each: any) => `{${each.name}}`)).toEqual(target.match(/\{\w+\}/g) ?? [])
        expect(operation.responses['200'].description).toBeTruthy()
        const schemas = [...(operation.parameters ?? []).map((each: any) => each.schema), ...[operation.requestBody, operation.responses['200']].flatMap((each) => Object.values<any>(each?.content ?? {}).map(({ schema }) => schema))]
        for (const schema of schemas) expect([target, ajv.validateSchema(schema)]).toEqual([target, true])
      }
    }
    expect(Object.keys(routes).filter((name) => !ids.has(name))).toEqual([])
    // What is no JSON in and out.
    expect([...ids].filter((id) => !Object.hasOwn(routes, id)).toSorted()).toEqual(['apiopenapijson', 'healthz', 'metrics', 'photo', 'readyz', 'stream', 'supportBundleFile'])
    for (const target of ['/api/overview', '/api/alerts', '/api/link', '/api/devices', '/api/session']) {
      const validate = ajv.compile({ $ref: `document#/paths/${target.replaceAll('/', '~1')}/get/responses/200/content/application~1json/schema` })
      expect([target, validate((await caller.ask(target)).body), validate.errors]).toEqual([target, true, null])
    }
  })
})
