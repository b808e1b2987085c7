import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { unpackTar } from 'modern-tar'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readSite } from '../../../gateway/cli/rooms.ts'
import { claimFile, newClaim } from '../../../gateway/console/claim.ts'
import { openEvents } from '../../../gateway/event-log/index.ts'
import { LogRing, systemClock } from '../../../gateway/kit/index.ts'
import { bundleOf, type BundleOptions } from '../../../gateway/main/bundle.ts'
import { startGateway, type Gateway } from '../../../gateway/main.ts'
import { keepCrash, keepLastRun, keptFiles } from '../../../gateway/support/crash.ts'
import { scrubClasses } from '../../../gateway/support/scrub.ts'
import type { GatewayStatus } from '../../../gateway/status.ts'
import { Caller } from '../../support/console.ts'
import { siteFile } from '../../support/gateways.ts'
import { freePort, tempFolder } from '../../support/resources.ts'

/** One for everything that can hold a secret, and for each class of the scrubber one that nothing else finds. */
const canaries = {
  devicePassword: 'Canary-Env-Secret-91', uplinkPassword: 'c/näry file+secret&92', robotToken: 'Canary-Robot-93', signing: 'SECcanary94canary94', phone: '13948151623', hookUrl: 'https://hooks.example.cn/Canary-Hook-95',
  header: 'Canary-Header-96', hookPath: 'Canary-Path-97', argument: 'Canary-Argument-98', comment: 'Canary-Comment-99', person: '王金丝雀', personEnglish: 'Canary Wang',
  account: 'Canary-Account-password-1', pin: '48151623', signKey: 'Canary-Key-file-2', environment: 'Canary-Environment-3',
  // In lines of the log, a crash and events.
  logUrl: 'canary:url4', logField: 'Canary-Field-5', logNamed: 'Canary-Named-6', logPin: '73915284', residentPhone: '13700481516', card: '0048151624', identity: '42010619800101987X', mail: 'canary.mail7', claim: '7K2M-9QXA-C4TZ',
  session: 'cAnArY8-aaBBccDDeeFFggHHiiJJkkLLmmNNooPPqq', pem: 'MIGHCanaryAgEAMBMGByqGSM49Ag', note: '金丝雀写的话 9', userOf: 'canary-owner',
} as const

/** Raw, and as a log, an address or a packet may hold it. */
function leaks(texts: readonly string[], values: Readonly<Record<string, string>> = canaries): readonly string[] {
  const all = texts.join('\n')
  const forms = (value: string): readonly string[] => [
    value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value), Buffer.from(value).toString('hex'), encodeURIComponent(value).toLowerCase(),
    ...[0, 1, 2].map((shift) => Buffer.concat([Buffer.alloc(shift, 'x'), Buffer.from(value)]).toString('base64').replace(/=+$/, '').slice(shift === 0 ? 0 : shift + 1, -2)),
  ]
  return Object.entries(values).flatMap(([name, value]) => (forms(value).some((form) => all.includes(form)) ? [name] : []))
}
async function unpack(bytes: Uint8Array): Promise<Readonly<Record<string, string>>> {
  const entries = await unpackTar(gunzipSync(bytes))
  return Object.fromEntries(entries.map(({ header, data }) => [header.name.split('/').slice(1).join('/'), Buffer.from(data ?? []).toString()]))
}

let folder: string, file: string, store: string, gateway: Gateway, caller: Caller, session: string, status: GatewayStatus
const ring = new LogRing()
const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, ring)

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'linli-bundle-'))
  for (const [name, value] of [['DEVICE', canaries.devicePassword], ['SIGN', canaries.signing], ['PHONE', canaries.phone], ['HOOK', canaries.hookUrl], ['NOBODY', canaries.environment]] as const) vi.stubEnv(`LINLI_CANARY_${name}`, value)
  await writeFile(path.join(folder, 'uplink.secret'), `${canaries.uplinkPassword}\n`, { mode: 0o600 })
  await writeFile(path.join(folder, 'robot.token'), canaries.robotToken, { mode: 0o600 })
  const nobody = await freePort()
  file = await siteFile(folder, [
    `# ${canaries.comment}`, 'console: { enabled: true, listen: { port: 0 } }',
    'connections:', `  - { id: broker, driver: mqtt, listen: { port: ${await freePort()} } }`,
    'devices:', '  - { id: kiosk, name: { zh: 终端, en: kiosk }, connection: broker, profile: self-service-terminal, password: { env: LINLI_CANARY_DEVICE } }',
    'people:', `  - { id: wang, name: { zh: ${canaries.person}, en: ${canaries.personEnglish} }, phone: { env: LINLI_CANARY_PHONE } }`,
    'channels:', '  - { id: robot, kind: dingtalk, token: { file: robot.token }, secret: { env: LINLI_CANARY_SIGN } }',
    `  - { id: hook, kind: webhook, url: "https://127.0.0.1:${nobody}/${canaries.hookPath}", headers: { X-Api: ${canaries.header} } }`, '  - { id: other, kind: webhook, url: { env: LINLI_CANARY_HOOK } }',
    `  - { id: call, kind: command, command: [/bin/true, --to, ${canaries.argument}, "--token=${canaries.argument}", "{title}"] }`,
    `  - { id: post, kind: email, host: 127.0.0.1, port: ${nobody}, security: none, from: linli@example.cn, to: ["${canaries.mail}@example.cn"] }`,
    'uplinks:', `  - { id: city, url: "mqtt://127.0.0.1:${nobody}", username: me, password: { file: uplink.secret } }`,
  ])
  store = path.join(folder, 'data')
  await mkdir(path.join(store, 'keys'), { recursive: true })
  for (const name of ['keys/uplink.key.new', 'enrol.token']) await writeFile(path.join(store, name), canaries.signKey)
  gateway = await startGateway({ site: await readSite(file), log, ring })
  caller = new Caller(gateway.console!.url)
  const claimed = await caller.post('/api/claim', { code: await newClaim(claimFile(store), systemClock.now()), id: 'admin-1', password: canaries.account })
  expect(claimed.status).toBe(200)
  session = caller.cookie!.split('=')[1]!
  await caller.post('/api/pins', { person: 'wang', pin: canaries.pin })
  const { alert } = (await caller.post('/api/alerts/test', { severity: 2 })).body
  await caller.post(`/api/alerts/${alert}/acts`, { act: 'shelve', forMs: 600_000, reason: canaries.note })
  log.error({ code: 'X', detail: `mqtt://${canaries.logUrl}@10.0.0.9:1883` }, `cannot open opc.tcp://${canaries.logUrl}@10.0.0.9/x or ${encodeURIComponent(`http://${canaries.logUrl}@h`)}`)
  log.error({ accessToken: canaries.logField, nested: { pins: { wang: canaries.logField } } }, `refused: ${canaries.devicePassword}, ${Buffer.from(`me:${canaries.uplinkPassword}`).toString('base64')}, ${encodeURIComponent(canaries.robotToken)}, ${Buffer.from(canaries.signing).toString('hex')}, ${canaries.hookUrl}, ${canaries.phone}`)
  log.warn(`password=${canaries.logNamed} for ${canaries.person} and ${canaries.personEnglish}; pin ${canaries.logPin}; call ${canaries.residentPhone}; card no ${canaries.card}; id ${canaries.identity}; mail ${canaries.mail}@example.cn`)
  log.warn(`claim ${canaries.claim}; session ${canaries.session} and ${session}\n-----BEGIN PRIVATE KEY-----\n${canaries.pem}\n-----END PRIVATE KEY-----`)
  status = gateway.status()
  const lines = () => [...ring.read()].map(({ line }) => line)
  expect(leaks(lines()).length).toBeGreaterThan(15)
  keepCrash(store, new Error(`fell over https://${canaries.logUrl}@host with ${canaries.devicePassword}`), { ring, now: systemClock.now(), version: '1' })
  keepLastRun(store, ring)
  // Events are on disk within a second.
  await vi.waitFor(async () => { expect((await bundle({ events: 100 }))['events.jsonl']).toMatch(/shelved/) }, { timeout: 10_000, interval: 100 })
}, 60_000)
afterAll(async () => { await gateway?.[Symbol.asyncDispose](); vi.unstubAllEnvs(); await rm(folder, { recursive: true, force: true }) })

async function bundle(options: Partial<BundleOptions> = {}): Promise<Readonly<Record<string, string>>> {
  const { bytes } = await bundleOf({
    file, store, status, logLines: [...ring.read()].map(({ line }) => line), events: 0, eventLog: await openEvents(path.join(store, 'events')) ?? null, clock: systemClock,
    checkUp: async () => ({ at: 0, gateway: 'hall-1', version: '1', running: true, findings: [], ok: [] }), ...options,
  })
  return unpack(bytes)
}
const everything = { ...canaries, get session2() { return session } }

describe('a support bundle', () => {
  it('holds what a support engineer asks for, and none of the secrets that were planted everywhere', async () => {
    const files = await bundle({ events: 100 })
    expect(leaks(Object.values(files), everything)).toEqual([])
    expect(Object.keys(files).filter((name) => !name.startsWith('crashes/')).toSorted()).toEqual(['README.txt', 'audit.json', 'check-up.json', 'events.jsonl', 'host.json', 'log-of-last-run.txt', 'log.txt', 'site.yaml', 'status.json', 'store.json', 'version.json'])
    // It is still of use: what was said, of whom, and where secrets are kept.
    expect(files['log.txt']).toMatch(/mqtt:\/\/\[redacted\]@10\.0\.0\.9:1883/)
    expect(files['log.txt']).toContain('[person wang]')
    expect(files['site.yaml']).toMatch(/password:\n {6}env: LINLI_CANARY_DEVICE/)
    expect(JSON.parse(files['status.json']!)).toMatchObject({ gateway: 'hall-1', uplinks: [{ id: 'city' }], channels: expect.any(Array) })
    expect(JSON.parse(files['store.json']!)).toMatchObject({ epoch: status.epoch, quarantined: 0, heads: { alert: { seq: expect.any(Number) } } })
    expect(JSON.parse(files['audit.json']!)).toContainEqual(expect.objectContaining({ action: 'pin', target: 'wang', outcome: 'done' }))
    for (const name of Object.keys(files).filter((each) => each !== 'README.txt')) expect(files['README.txt']).toContain(name)
  })
  for (const missing of scrubClasses) {
    it(`would leak without the class "${missing}"`, async () => {
      const files = await bundle({ events: 100, classes: new Set(scrubClasses.filter((each) => each !== missing)) })
      expect(leaks(Object.values(files), everything)).not.toEqual([])
    })
  }
  it('is made of a site file that is wrong, or no YAML at all, too', async () => {
    const other = path.join(await tempFolder(), 'site.yaml')
    await writeFile(other, `linli: 2\nsite: { id: hall-1 }\nuplinks: [{ id: city, password: ${canaries.logNamed}, key: ${canaries.logField} }]\npeople: [{ id: wang, name: ${canaries.person} }, 7, null]\n`)
    const files = await bundle({ file: other, status: null, problems: [`expected { env } and not ${canaries.logNamed}`], logLines: [`{"msg":"${canaries.logNamed} ${canaries.person}"}`] })
    expect(leaks([files['site.yaml']!, files['problems.json']!, files['log.txt']!])).toEqual([])
    expect(files['site.yaml']).toMatch(/password: "\[redacted\]"/)
    await writeFile(other, `{ password: ${canaries.logNamed}`)
    expect((await bundle({ file: other }))['site.yaml']).toMatch(/^# The site file is no YAML/)
    await writeFile(other, `a: &a [${'x, '.repeat(500)}]\nb: [${'*a, '.repeat(500)}]\n`)
    expect((await bundle({ file: other }))['site.yaml']!.length).toBeLessThan(2_200_000)
  })
  it('comes to installers through the page, is noted in the audit log, and not to others', async () => {
    expect((await caller.ask('/api/support-bundle')).body).toEqual({ state: 'none' })
    expect((await caller.ask('/api/support-bundle/file')).body.code).toBe('SUPPORT_NONE')
    expect((await caller.post('/api/support-bundle', { events: 20_000 })).status).toBe(400)
    expect((await caller.post('/api/support-bundle', {})).body.state).toBe('working')
    await expect.poll(async () => (await caller.ask('/api/support-bundle')).body.state, { timeout: 15_000 }).toBe('ready')
    const response = await fetch(`${caller.url}/api/support-bundle/file`, { headers: { cookie: caller.cookie! } })
    expect([response.headers.get('content-type'), response.headers.get('content-disposition')]).toEqual(['application/gzip', expect.stringMatching(/^attachment; filename="linli-support-hall-1-[\d-]+\.tar\.gz"$/)])
    const files = await unpack(new Uint8Array(await response.arrayBuffer()))
    expect(leaks(Object.values(files), everything)).toEqual([])
    expect(JSON.parse(files['check-up.json']!).findings.map(({ code }: { code: string }) => code)).toContain('DOCTOR_UPLINK_UNREACHABLE')
    expect((await caller.ask('/api/audit')).body.entries.slice(0, 2).map(({ action }: { action: string }) => action)).toEqual(['downloadSupportBundle', 'makeSupportBundle'])
    await caller.post('/api/users', { id: 'desk', role: 'staff', password: 'password of desk' })
    const desk = new Caller(caller.url)
    await desk.post('/api/session/login', { id: 'desk', password: 'password of desk' })
    for (const target of ['/api/support-bundle', '/api/support-bundle/file', '/api/logs']) expect((await desk.ask(target)).status).toBe(403)
    expect((await desk.post('/api/check-up')).status).toBe(403)
    expect((await caller.post('/api/check-up')).body.findings.length).toBeGreaterThan(2)
    expect((await caller.ask('/api/logs?level=warn&limit=5')).body.lines.length).toBe(5)
    expect(leaks([(await caller.ask('/api/logs')).text], everything).filter((name) => !name.startsWith('person'))).toEqual([])
  })
})

describe('what is kept for a bundle', () => {
  it('is the last five crashes and the end of the last run, 0600, and nothing where the disk fails', async () => {
    const place = await tempFolder()
    const lines = new LogRing()
    for (let n = 0; n < 600; n++) lines.write(`{"msg":"${n}"}\n`)
    for (let n = 0; n < 8; n++) keepCrash(place, n === 7 ? 'no error at all' : new Error(`fall ${n}`), { ring: lines, now: 1_000 * n, version: '1' })
    keepLastRun(place, lines)
    const names = await readdir(path.join(place, 'support'))
    expect(names).toHaveLength(6)
    for (const name of names) expect((await stat(path.join(place, 'support', name))).mode & 0o777).toBe(0o600)
    const { crashes, lastRun } = await keptFiles(place)
    expect(crashes.map(({ text }) => JSON.parse(text).stack.split('\n')[0])).toEqual(['no error at all', 'Error: fall 6', 'Error: fall 5', 'Error: fall 4', 'Error: fall 3'])
    expect(lastRun!.split('\n')).toHaveLength(501)
    // A file stands where the folder should be.
    const blocked = path.join(place, 'support', 'last-run.jsonl')
    keepCrash(blocked, new Error('x'), { ring: lines, now: 0, version: '1' })
    expect(await keptFiles(blocked)).toEqual({ crashes: [], lastRun: null })
  })
})
