import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { startCity } from '../../cloud-sync/simulator.ts'
import { root } from '../support/architecture.ts'
import { linli } from '../support/command-line.ts'
import { kioskDevice, main, runGateway, siteFile } from '../support/gateways.ts'
import { child, freePort, tempFolder } from '../support/resources.ts'
import { realJournal, startUplink } from '../support/uplinks.ts'
import { reading } from '../support/points.ts'

const quiet = async (folder: string) => siteFile(folder, [`connections: [{ id: broker, driver: mqtt, listen: { port: ${await freePort()} } }]`, 'devices:', kioskDevice('kiosk')])

describe('the command line', () => {
  it('explains itself, each command too, in plain text when it is not a terminal', async () => {
    for (const args of [['--help'], ...['run', 'demo', 'check', 'schema', 'tail', 'status', 'verify', 'doctor', 'read', 'write', 'simulate', 'profiles', 'probe', 'points', 'points export', 'points import', 'probe modbus'].map((name) => [...name.split(' '), '--help'])]) {
      const { code, stdout } = await linli(...args)
      expect([code, stdout.includes('Usage: linli')]).toEqual([0, true])
      expect(stdout).not.toContain('\u001b[')
    }
  })
  it('ends with a non-zero code and help for a command there is not', async () => {
    expect(await linli('dance')).toMatchObject({ code: 1, stderr: expect.stringContaining('unknown command') })
  })
  it('checks a good site file, as text and as JSON', async () => {
    expect(await linli('check', 'firmware-config/demo/site.yaml')).toMatchObject({ code: 0, stdout: expect.stringMatching(/is valid: 2 connections, 8 devices/) })
    expect(JSON.parse((await linli('check', '--json', 'firmware-config/demo/site.yaml')).stdout)).toMatchObject({ ok: true, problems: [], devices: 8, doors: 2, terminals: 3 })
  })
  it('tells every error of a bad site file at once, with line, column and remedy, and starts nothing', async () => {
    const file = path.join(await tempFolder(), 'site.yaml')
    const text = await readFile(path.join(root, 'firmware-config/demo/site.yaml'), 'utf8')
    await writeFile(file, text.replace('profile: xy-md02', 'profile: xy-md2').replace('timeout: 1s', 'timeout: soon').replace('point: terminal-3.paper', 'point: terminal-3.papers'))
    const { code, stderr } = await linli('run', file)
    expect(code).toBe(1)
    expect(stderr).toMatch(/site\.yaml:\d+:\d+ devices\[0\]\.profile: no profile "xy-md2"; did you mean "xy-md02"\?/)
    expect(stderr).toMatch(/site\.yaml:\d+:\d+ connections\[0\]\.timeout: write a duration/)
    expect(stderr).toMatch(/2 problems; nothing was started/)
    expect(JSON.parse((await linli('check', '--json', file)).stdout)).toMatchObject({ ok: false, problems: [{ line: expect.any(Number) }, { path: 'devices[0].profile' }] })
  })
  it('prints a JSON Schema that knows every driver', async () => {
    const schema = JSON.parse((await linli('schema')).stdout)
    expect(schema.$schema).toContain('2020-12')
    expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(['linli', 'site', 'connections', 'devices', 'rules', 'uplinks']))
    expect(JSON.stringify(schema)).toContain('unitId')
  })
  it('says where it looked when no gateway runs', async () => {
    expect(await linli('status', '--socket', '/tmp/no-such-linli.sock')).toMatchObject({ code: 1, stderr: expect.stringMatching(/CONTROL_UNREACHABLE no gateway answers on \/tmp\/no-such-linli\.sock/) })
  })
  it('shows a running gateway: status and tail, as text and as JSON', async () => {
    const file = await quiet(await tempFolder())
    const gateway = await runGateway(file)
    const text = await linli('status', '--site', file)
    expect(text.stdout).toMatch(/hall-1 {2}region 420106/)
    expect(text.stdout).toMatch(/kiosk +终端 +offline/)
    expect(JSON.parse((await linli('status', '--site', file, '--json')).stdout)).toMatchObject({ gateway: 'hall-1', connections: [{ id: 'broker', state: 'online' }], alerts: [] })
    expect(await linli('tail', '--site', file, '--for', '200ms', '--json')).toMatchObject({ code: 0, stderr: '' })
    gateway.process.kill('SIGINT')
    expect(await gateway.exited).toBe(0)
  })
  it('does not let two gateways share a store', async () => {
    const file = await quiet(await tempFolder())
    await runGateway(file)
    expect(await linli('run', file)).toMatchObject({ code: 1, stderr: expect.stringMatching(/STORE_LOCKED .*stop it first/) })
  })
  it('starts again over what a kill -9 left behind, under a new epoch', async () => {
    const file = await quiet(await tempFolder())
    const first = await runGateway(file)
    const { epoch } = await first.status()
    first.process.kill('SIGKILL')
    await first.exited
    const second = await runGateway(file)
    expect((await second.status()).epoch > epoch).toBe(true)
  })
  it('runs on when a machine has no GPIO, and says which connection wants it', async () => {
    const folder = await tempFolder()
    const file = await siteFile(folder, [`connections: [{ id: pins, driver: gpio }, { id: broker, driver: mqtt, listen: { port: ${await freePort()} } }]`, 'devices:', kioskDevice('kiosk'),
      '  - { id: smoke, name: { zh: 烟感, en: smoke }, connection: pins, points: { alarm: { name: { zh: 烟, en: smoke }, type: boolean, line: 4 } } }'])
    const gateway = await runGateway(file)
    await expect.poll(async () => (await gateway.status()).connections.map(({ id, state, lastError }) => [id, state, lastError])).toEqual([['pins', 'backing-off', 'GPIO_UNAVAILABLE'], ['broker', 'online', undefined]])
    expect((await gateway.status()).devices.find(({ id }) => id === 'smoke')).toMatchObject({ state: 'offline', reason: 'GPIO_UNAVAILABLE' })
  })
})

describe('linli verify', () => {
  it('finds a sound stream sound', async () => {
    const city = await startCity()
    const { journal, reader } = await realJournal()
    const verifying = linli('verify', '--broker', city.url, '--for', '1500ms', '--json')
    await new Promise((resolve) => setTimeout(resolve, 700))
    startUplink(journal, reader, { url: city.url, protocol: '3.1.1' })
    for (let n = 0; n < 10; n++) await journal.commit({ readings: [reading('a.b', n)], urgent: true })
    const { code, stdout } = await verifying
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, readings: 10, holes: [], chainBreaks: [] })
    expect(code).toBe(0)
    await city.stop()
  })
  it('ends with code 1 when it cannot reach the broker', async () => {
    expect(await linli('verify', '--broker', `mqtt://127.0.0.1:${await freePort()}`)).toMatchObject({ code: 1, stderr: expect.stringContaining('UPLINK_CONNECT_FAILED') })
  })
})

describe('the demo facility', () => {
  it('prints one JSON object and nothing else, with nothing lost', { timeout: 30_000 }, async () => {
    const { code, stdout, stderr } = await linli('demo', '--for', '4s', '--json')
    // A container in which nobody tells whether its clock is set is warned of that, once.
    expect([code, stderr.split('\n').filter((line) => line && !line.includes('TIME_SOURCE_UNKNOWN'))]).toEqual([0, []])
    expect(JSON.parse(stdout)).toMatchObject({ lost: 0, duplicates: 0, gaps: 0, readings: expect.any(Number), firstMessageMs: expect.any(Number) })
  })
  it('ends within two seconds of Ctrl-C, nothing lost', { timeout: 30_000 }, async () => {
    const demo = child(process.execPath, [main, 'demo', '--json'])
    let stdout = ''
    demo.stdout!.on('data', (chunk) => { stdout += chunk })
    const exited = new Promise<number | null>((resolve) => demo.once('exit', resolve))
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    const began = performance.now()
    demo.kill('SIGINT')
    expect(await exited).toBe(0)
    expect(performance.now() - began).toBeLessThan(2_000)
    expect(JSON.parse(stdout)).toMatchObject({ lost: 0, duplicates: 0, gaps: 0 })
  })
})
