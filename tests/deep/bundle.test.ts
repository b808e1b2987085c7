import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startCity } from '../../cloud-sync/simulator.ts'
import { bundle } from '../../firmware-config/package/bundle.ts'
import { stage } from '../../firmware-config/package/stage.ts'

const root = path.join(import.meta.dirname, '../..')
const folder = mkdtempSync(path.join(tmpdir(), 'linli-bundle-'))
const [starter, told, site, watch] = ['linli.mjs', 'told', 'site.yaml', 'watch.mjs'].map((name) => path.join(folder, name)) as [string, string, string, string]
const minutes = 60_000

/** Writes down each file that is loaded, and each function that is made of a text. */
const watcher = `import { appendFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
const tell = (text) => appendFileSync(${JSON.stringify(told)}, text + '\\n')
registerHooks({ load(url, context, next) { if (url.startsWith('file:')) tell(url); return next(url, context) } })
globalThis.Function = new Proxy(Function, { construct(target, words) { tell('Function'); return new target(...words) } })
`

type City = Awaited<ReturnType<typeof startCity>>
interface Start { readonly files: readonly string[]; /** In the text of one of them. */ has(word: string): boolean; readonly packages: readonly string[]; readonly bytes: number; readonly functions: number }

/** A gateway with Modbus TCP, the local broker and an uplink (and a contact on its own pins), until the city has its first message and the checked site file is kept. */
async function start(city: City, pins = false): Promise<Start> {
  const data = path.join(folder, pins ? 'data-pins' : 'data')
  writeFileSync(told, '')
  writeFileSync(site, [
    'linli: 2', 'site: { id: bundled, name: { zh: 测, en: bundled }, region: "420106" }', `store: { path: ${data} }`, 'log: { level: error }',
    'connections: [{ id: line, driver: modbus, host: 127.0.0.1, port: 1 }, { id: broker, driver: mqtt, listen: { host: 127.0.0.1, port: 0 } }' + (pins ? ', { id: pins, driver: gpio }]' : ']'),
    'devices: [{ id: meter, name: { zh: 表, en: meter }, connection: line, profile: sdm630, unitId: 1 }' + (pins ? ', { id: door, name: { zh: 门, en: door }, connection: pins, points: { open: { name: { zh: 开, en: open }, type: boolean, line: 4 } } }]' : ']'), `uplinks: [{ id: city, url: "${city.url}", protocol: "3.1.1" }]`, '',
  ].join('\n'))
  const arrived = new Promise<void>((resolve) => { city.onEvent(() => resolve()) })
  const gateway = spawn(process.execPath, ['--import', watch, starter, 'run', site], { stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = new Promise((resolve) => gateway.once('exit', resolve))
  try {
    await Promise.race([arrived, ended])
    await vi.waitUntil(() => existsSync(path.join(data, 'checked-site')), { timeout: 10_000 })
  } finally {
    gateway.kill('SIGTERM')
  }
  expect(await ended).toBe(0)
  const lines = readFileSync(told, 'utf8').trim().split('\n')
  const files = lines.filter((line) => line.startsWith('file:') && line.includes('/lib/js/')).map((url) => new URL(url).pathname)
  const texts = files.map((file) => readFileSync(file, 'utf8'))
  return {
    files: files.map((file) => path.basename(file)), has: (word) => texts.some((text) => text.includes(word)), packages: texts.flatMap((text) => [...text.matchAll(/"node_modules\/((?:@[^/"]+\/)?[^/"]+)\/[^"]*"\(/g)].map(([, name]) => name!)),
    bytes: files.reduce((sum, file) => sum + statSync(file).size, 0), functions: lines.filter((line) => line === 'Function').length,
  }
}

describe('linli run of the bundle', () => {
  let first: Start
  let found: Start
  let pins: Start
  beforeAll(async () => {
    await stage(root, folder, process.arch === 'arm64' ? 'arm64' : 'x64', await bundle(root, folder))
    writeFileSync(watch, watcher)
    const city = await startCity()
    first = await start(city)
    found = await start(city)
    await start(city, true)
    pins = await start(city, true)
    await city.stop()
  }, 5 * minutes)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('loads what the site uses, and no code of OPC UA, the page, serial lines, mail or the commands', () => {
    expect(first.packages).toEqual(expect.arrayContaining(['mqtt', 'mqemitter', 'mqtt-packet', 'yaml', 'classic-level']))
    expect(first.packages.filter((name) => /^(node-opcua|fastify|@fastify|@serialport|serialport|nodemailer|epoll|onoff|commander|pino-pretty|csv-|readable-stream)/.test(name))).toEqual([])
    expect(found.files).toContain('start.js')
    expect(found.files).not.toContain('main.js')
  })

  it('reads the same site file once: the next start loads neither a YAML parser nor a schema', () => {
    expect(found.packages).toEqual(expect.arrayContaining(['mqtt', 'mqemitter', 'mqtt-packet', 'classic-level']))
    expect(found.packages.filter((name) => /^(yaml|zod)/.test(name))).toEqual([])
    expect(found.files.filter((name) => /rooms/.test(name))).toEqual([])
    expect(first.files.filter((name) => /rooms/.test(name))).not.toEqual([])
  })

  it('needs no schema for its own pins either', () => {
    expect([pins, found].map((each) => each.has('GPIO_UNSUPPORTED'))).toEqual([true, false])
    expect(pins.packages.filter((name) => /^(yaml|zod|onoff|epoll)/.test(name))).toEqual([])
  })

  it('loads few files and little text: what is added here is paid at every start of every box', () => {
    expect(found.files.length).toBeLessThanOrEqual(10)
    expect(found.bytes).toBeLessThanOrEqual(1_150_000)
  })

  it('has no code written at the start by the schemas of a site file that is read once', () => { expect(first.functions).toBeLessThanOrEqual(5) })

  it('leaves every other way to say it to the commands, which know what is wrong', () => {
    const say = (...words: readonly string[]): string => { try { return execFileSync(process.execPath, [starter, ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }) } catch (error) { return (error as { stderr: string }).stderr } }
    expect(say('run')).toContain("missing required argument 'site'")
    expect(say('run', site, 'more')).toContain('too many arguments')
    expect(say('run', '--help')).toContain('Usage: linli run')
    expect(say('check', site)).not.toContain('Error')
  })
})
