import { readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startModbusSimulator } from '../../drivers/modbus/simulator.ts'
import { systemClock } from '../../gateway/kit/index.ts'
import { modbusConfig } from '../drivers/modbus/support.ts'
import { linli } from '../support/command-line.ts'
import { main, runGateway } from '../support/gateways.ts'
import { child, freePort, tempFolder } from '../support/resources.ts'
import { itWith } from '../support/tools.ts'

const name = (id: string) => `name: { zh: 设备, en: ${id} }`

async function site(port: number, more = ''): Promise<{ readonly file: string; readonly folder: string }> {
  const folder = await tempFolder()
  const file = path.join(folder, 'site.yaml')
  await writeFile(file, `linli: 2
site: { id: hall, name: { zh: 厅, en: hall }, region: "420106" }
store: { path: ./data }
connections:
  - { id: line, driver: modbus, host: 127.0.0.1, port: ${port}, timeout: 200ms } # the cupboard
${more}devices:
  - { id: env, ${name('env')}, connection: line, profile: xy-md02, unitId: 1 }
  - { id: meter, ${name('meter')}, connection: line, profile: sdm120, unitId: 2 }
  - { id: relays, ${name('relays')}, connection: line, profile: waveshare-8-relay, unitId: 3 }
${more ? `  - { id: far, ${name('far')}, connection: bus, profile: pzem-016, unitId: 4 }\n` : ''}`)
  return { file, folder }
}

/** `linli simulate`, once it says where it listens. */
async function simulate(...args: readonly string[]): Promise<readonly { readonly connection: string; readonly where: string; readonly redirect: object }[]> {
  const running = child(process.execPath, [main, 'simulate', '--json', ...args])
  // As an installer stops it: its pty's socat goes with it.
  onTestFinished(async () => { const gone = new Promise((resolve) => running.once('exit', resolve)); if (running.kill('SIGTERM')) await gone })
  const { value } = await createInterface({ input: running.stdout! })[Symbol.asyncIterator]().next()
  return JSON.parse(value as string)
}

describe('an installer with a laptop', () => {
  it('simulates a site, reads and writes its points without a gateway, and through one', async () => {
    const { file } = await site(await freePort())
    await simulate(file)
    const readings = JSON.parse((await linli('read', file, 'env', 'meter.*', '--json')).stdout) as { point: string; value: number; quality: string }[]
    const at = (id: string) => readings.find(({ point }) => point === `meter.${id}`)!.value
    expect(readings).toHaveLength(14)
    expect(at('voltage') * at('current') * at('power-factor') / at('power')).toBeCloseTo(1, 1)
    expect(await linli('write', file, 'relays.relay-3', 'on')).toMatchObject({ code: 0, stdout: expect.stringContaining('done, and read back') })
    await runGateway(file)
    expect(await linli('write', file, 'relays.relay-2', 'on')).toMatchObject({ code: 0 })
    await expect.poll(async () => (JSON.parse((await linli('read', file, 'relays', '--json')).stdout || '[]') as { value: boolean }[]).map(({ value }) => value).slice(0, 3)).toEqual([false, true, true])
    expect(await linli('write', file, 'env.temperature', '3')).toMatchObject({ code: 1, stderr: expect.stringMatching(/POINT_NOT_WRITABLE env\.temperature is read-only/) })
    const doctor = await linli('doctor', file)
    expect(doctor).toMatchObject({ stdout: expect.stringMatching(/turnaroundP50[\s\S]*version .* running[\s\S]*! warning {2}alarms {2}sounders, channels {2}DOCTOR_NO_SOUND[\s\S]*→ 在站点文件里加[\s\S]*well: .*devices/) })
    expect([1, 2]).toContain(doctor.code)
    expect((await linli('logs', '--site', file, '--text', 'gateway started')).stdout).toMatch(/INFO .* gateway started gateway=hall/)
    const out = path.join(path.dirname(file), 'bundle.tar.gz')
    expect(await linli('support-bundle', file, '-o', out)).toMatchObject({ code: 0, stdout: expect.stringMatching(/bundle\.tar\.gz {2}\d+ kB, of the gateway that runs/) })
    expect((await stat(out)).mode & 0o777).toBe(0o600)
    expect(gunzipSync(await readFile(out)).toString('latin1')).toMatch(/README\.txt[\s\S]*site\.yaml[\s\S]*gateway started/)
    await writeFile(file, 'linli: 2\nsite: { id: HALL }\n')
    expect(JSON.parse((await linli('support-bundle', file, '-o', `${out}.2`, '--json')).stdout)).toMatchObject({ running: false, bytes: expect.any(Number) })
    expect(await linli('doctor', file)).toMatchObject({ code: 2, stdout: expect.stringMatching(/✗ fault {2}configuration {2}\S+site\.yaml {2}DOCTOR_CONFIG_INVALID/) })
  })
  it('is told what is wrong before anything is sent, and reads what can be read when one line is dead', async () => {
    const dead = await freePort()
    const { file } = await site(await freePort(), `  - { id: bus, driver: modbus, host: 127.0.0.1, port: ${dead}, timeout: 200ms }\n`)
    await simulate(file, '--fault', 'far:offline')
    expect(await linli('write', file, 'relays', 'on')).toMatchObject({ code: 1, stderr: expect.stringMatching(/POINT_UNKNOWN "relays" is no single point; write one at a time, such as relays\.relay-1/) })
    expect(await linli('write', file, 'env.temperature-correction', '11')).toMatchObject({ code: 1, stderr: expect.stringMatching(/POINT_VALUE "11" cannot be written to env\.temperature-correction: allowed is -10 to 10 Cel/) })
    expect(await linli('write', file, 'env.temperature-correction', '--', '-1.5')).toMatchObject({ code: 0, stdout: expect.stringContaining('env.temperature-correction = -1.5 Cel') })
    const { code, stdout } = await linli('read', file, 'env.*', 'far', 'env', '--timeout', '3s', '--json')
    const rows = JSON.parse(stdout) as { point: string; quality: string; value: number; reason?: string }[]
    expect([code, rows.filter(({ point }) => point === 'env.temperature').map(({ quality }) => quality)]).toEqual([1, ['good']])
    expect(rows.find(({ point }) => point === 'env.temperature-correction')!.value).toBe(-1.5)
    expect(rows.find(({ point }) => point === 'far.voltage')).toMatchObject({ quality: 'bad', reason: expect.stringMatching(/^MODBUS_/) })
  })
  it('hears of a broker that it opens itself, and of a gateway that is not there', async () => {
    const folder = await tempFolder()
    const file = path.join(folder, 'site.yaml')
    await writeFile(file, `linli: 2\nsite: { id: hall, name: { zh: 厅, en: hall }, region: "420106" }\nconnections: [{ id: broker, driver: mqtt, listen: { port: ${await freePort()} } }]\ndevices: [{ id: kiosk, ${name('kiosk')}, connection: broker, profile: self-service-terminal, password: { env: LINLI_TEST_PASSWORD } }]\n`)
    vi.stubEnv('LINLI_TEST_PASSWORD', 'x')
    onTestFinished(() => { vi.unstubAllEnvs() })
    expect(await linli('read', file, 'kiosk.paper', '--timeout', '500ms')).toMatchObject({ code: 1, stdout: expect.stringMatching(/kiosk\.paper +– +% +bad (MQTT_\w+|POINT_UNSEEN)/), stderr: expect.stringMatching(/no gateway runs.*up to 0\.5 s: broker opens the local broker on 127\.0\.0\.1:\d+/) })
  })
  it('sees a scripted fault come and go', async () => {
    const { file } = await site(await freePort())
    await simulate(file, '--fault', 'env:timeout@0s+4s')
    const bad = await linli('read', file, 'env.temperature', '--timeout', '3s')
    expect(bad).toMatchObject({ code: 1, stdout: expect.stringMatching(/env\.temperature\s+–.*bad MODBUS_TIMEOUT/) })
    await expect.poll(async () => (await linli('read', file, 'env.temperature')).code, { timeout: 10_000 }).toBe(0)
    expect(await linli('simulate', file, '--fault', 'enf:timeout')).toMatchObject({ code: 1, stderr: expect.stringContaining('did you mean "env"?') })
    expect(await linli('simulate', file, '--fault', 'env:explode')).toMatchObject({ code: 1, stderr: expect.stringMatching(/FAULT_INVALID.*timeout, garbage, offline/) })
  })
  itWith('socat')('gets the site file with the addresses that simulators really have, comments and all', async () => {
    const { file, folder } = await site(await freePort(), '  - { id: bus, driver: modbus, transport: rtu, path: /dev/ttyUSB0, timeout: 300ms }\n')
    const out = path.join(folder, 'sim.yaml')
    const lines = await simulate(file, '--out', out)
    expect(lines.map(({ connection, redirect }) => [connection, Object.keys(redirect)])).toEqual([['line', []], ['bus', ['path']]])
    expect(await readFile(out, 'utf8')).toMatch(/# the cupboard/)
    expect(JSON.parse((await linli('read', out, 'far.voltage', '--json')).stdout)).toMatchObject([{ quality: 'good', value: expect.any(Number) }])
    expect(await linli('check', file)).toMatchObject({ code: 0, stdout: expect.stringContaining('forecast: connection bus: /dev/ttyUSB0 may be another adapter') })
  })
  it('probes a line: who is there, what a register holds, what a device calls itself', async () => {
    const port = await freePort()
    const { file } = await site(port)
    await simulate(file)
    const probe = (...words: string[]) => linli('probe', 'modbus', `127.0.0.1:${port}`, ...words, '--timeout', '150ms')
    expect(JSON.parse((await probe('scan', '1', '4', '--json')).stdout)).toEqual([[1, 'answers; it has no input register 0'], [2, 'answers'], [3, 'answers; it has no input register 0']].map(([unit, answer]) => ({ unit, answer })))
    expect((await probe('read', 'input', '0', '2', '--unit', '2')).stdout).toMatch(/REGISTER.*FLOAT[\s\S]*2(2|3)\d\.\d/)
    expect(await probe('identify', '--unit', '3')).toMatchObject({ code: 1, stderr: expect.stringContaining('MODBUS_ILLEGAL_FUNCTION') })
    expect((await probe('write', 'coil', '0', '1', '0', '1', '--unit', '3')).stdout.trim().split('\n').map((line) => line.split(/\s+/)[1])).toEqual(['1', '0', '1'])
    expect(await probe('write', 'coil', '0', 'onn', '--unit', '3')).toMatchObject({ code: 1, stderr: expect.stringContaining('"onn" is neither on nor off') })
    expect(JSON.parse((await probe('exchange', '259', '2', '259', '7', '9', '--unit', '1', '--json')).stdout).map(({ value }: { value: number }) => value)).toEqual([7, 9])
    expect(await probe('dance')).toMatchObject({ code: 1, stderr: expect.stringMatching(/PROBE_USAGE.*read TABLE START/) })
    expect(await probe('read', 'input', '0', '--unit', '9')).toMatchObject({ code: 1, stderr: expect.stringMatching(/MODBUS_TIMEOUT/) })
  })
  it('asks a device what it calls itself', async () => {
    await using device = await startModbusSimulator(modbusConfig(1502, { meter: { unitId: 5, points: {} } }), { clock: systemClock, random: () => 0.5 }, { port: 0 })
    expect(await linli('probe', 'modbus', device.where, 'identify', '--unit', '5')).toMatchObject({ code: 0, stdout: expect.stringMatching(/vendor\s+Linli\nproduct code\s+meter/) })
  })
  it('takes the points of a site to a spreadsheet and back, and never overwrites what it was not told to', async () => {
    const { file, folder } = await site(1502)
    const [table, out] = [path.join(folder, 'points.csv'), path.join(folder, 'new.yaml')]
    const before = await readFile(file, 'utf8')
    expect((await linli('points', 'export', file)).stdout).toMatch(/^\ufeffdevice,point,name\.zh/)
    expect(await linli('points', 'export', file, '--out', table)).toMatchObject({ code: 0, stdout: expect.stringMatching(/points\.csv: \d+ points/) })
    expect(await linli('points', 'export', file, '--out', table)).toMatchObject({ code: 1, stderr: expect.stringMatching(/POINTS_TARGET .*exists and is not overwritten/) })
    await writeFile(table, (await readFile(table, 'utf8')).replace(/^(env,temperature,.*),2s,/m, '$1,9s,'))
    expect(await linli('points', 'import', file, table)).toMatchObject({ code: 0, stdout: expect.stringMatching(/~ env\.temperature {2}poll 2s → 9s\n0 added, 1 changed, 0 removed, \d+ as they were\nnothing was written: give --in-place/) })
    expect(JSON.parse((await linli('points', 'import', file, table, '--in-place', '--dry-run', '--json')).stdout)).toMatchObject({ ok: true, changed: ['env.temperature'], written: null })
    expect([await readFile(file, 'utf8'), (await linli('points', 'import', file, table, '--out', out)).code]).toEqual([before, 0])
    expect(await linli('points', 'import', file, table, '--in-place')).toMatchObject({ code: 0, stdout: expect.stringContaining('site.yaml.bak') })
    expect([await readFile(file, 'utf8'), await readFile(`${file}.bak`, 'utf8')]).toEqual([await readFile(out, 'utf8'), before])
    await writeFile(table, 'device,point,scal\nenv,temperature,1\n')
    expect(await linli('points', 'import', file, table)).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/points\.csv:1:3 unknown column "scal"; did you mean "scale"\?\n1 problem; nothing was written/) })
  })
  it('lists, explains and checks profiles, its own too', async () => {
    const folder = await tempFolder()
    await writeFile(path.join(folder, 'mine.yaml'), 'profile: mine\nname: { zh: mine, en: mine }\ndriver: modbus\nsource: [x]\nverified: manual\npoints:\n  t: { name: { zh: 温, en: t }, type: number, unit: Celsius, table: input, register: 1 }\n')
    expect((await linli('profiles', '--folder', folder)).stdout).toMatch(/mine\s+mine \/ mine\s+modbus\s+1\s+manual/)
    expect((await linli('profiles', 'wb-ms')).stdout).toMatch(/note: 0x7FFF.*[\s\S]*no value: 32767/)
    expect(await linli('profiles', '--lint')).toMatchObject({ code: 0, stdout: expect.stringMatching(/profiles, no problem/) })
    expect(await linli('profiles', 'mine', '--folder', folder, '--lint')).toMatchObject({ code: 1, stderr: expect.stringMatching(/mine\.yaml:2:13 name\.zh: .*no Chinese[\s\S]*mine\.yaml:7:52 points\.t\.unit: "Celsius" is no UCUM code/) })
    expect((await linli('profiles', '温湿度', '--driver', 'modbus')).stdout.split('\n').map((line) => line.split(' ')[0])).toEqual(['PROFILE', 'xy-md02', ''])
    expect(JSON.parse((await linli('profiles', 'sdm', '--json')).stdout).map(({ profile }: { profile: string }) => profile)).toEqual(['sdm120', 'sdm220', 'sdm630', 'sdm72'])
    expect(await linli('profiles', '--driver', 'modbas')).toMatchObject({ code: 1, stderr: expect.stringContaining('did you mean "modbus"?') })
    expect(await linli('profiles', 'xy-md2')).toMatchObject({ code: 1, stderr: expect.stringContaining('did you mean "xy-md02"?') })
  })
})
