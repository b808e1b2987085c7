import { chmod, chown, mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { PilotCa } from '../../../cloud-sync/enrol/ca.ts'
import { readSite } from '../../../gateway/cli/rooms.ts'
import { siteFacts } from '../../../gateway/main/check-up.ts'
import { FakeClock, systemClock } from '../../../gateway/kit/index.ts'
import { checkCertificate, checkMode, checkSecret } from '../../../gateway/support/check-files.ts'
import { checkClock, checkDisk, checkMachine } from '../../../gateway/support/check-host.ts'
import { checkNetwork } from '../../../gateway/support/check-network.ts'
import { checkPort } from '../../../gateway/support/check-ports.ts'
import { checkUp, type SiteFacts } from '../../../gateway/support/check-up.ts'
import { exitCodeOf, found, ordered, type CheckFinding } from '../../../gateway/support/findings.ts'
import { siteFile } from '../../support/gateways.ts'
import { freePort, tempFolder } from '../../support/resources.ts'

const codes = (findings: readonly CheckFinding[]): readonly string[] => findings.map(({ code, severity }) => `${severity} ${code}`)
const nothing: SiteFacts = { gateway: 'hall-1', found: [], store: '/nowhere/at/all', ports: [], endpoints: [], certificates: [], secrets: [], page: null }
/** A box as its kernel tells it. */
async function box(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await tempFolder()
  for (const [file, text] of Object.entries(files)) { await mkdir(path.dirname(path.join(root, file)), { recursive: true }); await writeFile(path.join(root, file), text) }
  return root
}
const certificates = async (days: number) => {
  const folder = await tempFolder()
  const ca = await PilotCa.init(path.join(folder, 'ca'), { name: 'test', days, now: systemClock.now() })
  const file = path.join(folder, 'ca.pem')
  await writeFile(file, ca.pem)
  return { folder, file, key: path.join(folder, 'ca', 'ca.key') }
}

describe('a check-up', () => {
  it('knows a clock that nobody sets from one that is plainly wrong', () => {
    const now = Date.UTC(2026, 10, 26)
    expect(codes(checkClock(now, true))).toEqual([])
    expect(codes(checkClock(now, false))).toEqual(['warning DOCTOR_CLOCK_UNSYNCED'])
    expect(codes(checkClock(now, false, true))).toEqual(['notice DOCTOR_CLOCK_UNSYNCED'])
    expect(codes(checkClock(Date.UTC(1970, 0, 1), true))).toEqual(['fault DOCTOR_CLOCK_WRONG'])
  })
  it('reads wear, memory, load and heat from the kernel, and makes nothing of what makes no sense', async () => {
    const root = await box({ 'sys/block/mmcblk0/device/life_time': '0x02 0x0a\n', 'sys/block/sda/x': '', 'proc/meminfo': 'MemTotal: 1000000 kB\nMemAvailable: 20000 kB\n', 'proc/loadavg': '0.1 0.2 9.5 1/2 3\n', 'sys/class/thermal/thermal_zone0/temp': '97000\n' })
    expect(codes(await checkDisk(root, { root }))).toEqual(['warning DOCTOR_DISK_WORN'])
    expect(codes(await checkMachine({ root }, 4))).toEqual(['warning DOCTOR_MEMORY_LOW', 'warning DOCTOR_LOAD_HIGH', 'fault DOCTOR_TOO_HOT'])
    const odd = await box({ 'sys/block/mmcblk0/device/life_time': 'worn?', 'proc/meminfo': 'MemTotal: many kB', 'proc/loadavg': 'x', 'sys/class/thermal/thermal_zone0/temp': '-274000' })
    expect([...await checkDisk(odd, { root: odd }), ...await checkMachine({ root: odd }, 4)]).toEqual([])
  })
  it('says of a port whether it is missing, and who has it', async () => {
    const folder = await tempFolder()
    const port = path.join(folder, 'ttyX')
    expect(codes(await checkPort({ connection: 'bus', kind: 'serial', path: port, held: false }))).toEqual(['fault DOCTOR_PORT_MISSING'])
    await writeFile(port, '')
    expect(await checkPort({ connection: 'bus', kind: 'serial', path: port, held: false })).toEqual([])
    const { spawn } = await import('node:child_process')
    const holder = spawn('sleep', ['60'], { stdio: [(await import('node:fs')).openSync(port, 'r'), 'ignore', 'ignore'] })
    onTestFinished(() => { holder.kill() })
    await expect.poll(async () => (await checkPort({ connection: 'bus', kind: 'serial', path: port, held: false }))[0]?.what.en).toMatch(new RegExp(`\\(${holder.pid}\\)`))
    expect(await checkPort({ connection: 'bus', kind: 'serial', path: port, held: true })).toEqual([])
  })
  it('tries the platform\'s port and name, and says which of the two fails', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => { server.close() })
    await new Promise((resolve) => server.once('listening', resolve))
    const open = { uplink: 'city', host: '127.0.0.1', port: (server.address() as { port: number }).port }
    expect(await checkNetwork([open], systemClock)).toEqual([])
    expect(codes(await checkNetwork([{ ...open, port: await freePort() }], systemClock))).toEqual(['fault DOCTOR_UPLINK_UNREACHABLE'])
    const root = await box({ 'proc/net/route': 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\neth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\n' })
    expect(codes(await checkNetwork([{ ...open, host: 'no.such.name.invalid' }], systemClock, { root })).filter((code) => /DNS|ROUTE/.test(code))).toEqual(expect.arrayContaining(['fault DOCTOR_DNS']))
  })
  it('sees the end of a certificate coming, a foreign key, and a file that is none', async () => {
    const now = systemClock.now()
    const [long, short, other] = [await certificates(400), await certificates(10), await certificates(400)]
    expect(await checkCertificate({ where: 'uplink city', cert: long.file, key: long.key }, now)).toEqual([])
    expect(codes(await checkCertificate({ where: 'x', cert: short.file }, now))).toEqual(['warning DOCTOR_CERTIFICATE_ENDS'])
    expect(await checkCertificate({ where: 'x', cert: short.file, renewed: true }, now)).toEqual([])
    expect(codes(await checkCertificate({ where: 'x', cert: short.file }, now + 11 * 86_400_000))).toEqual(['fault DOCTOR_CERTIFICATE_ENDED'])
    expect(codes(await checkCertificate({ where: 'x', cert: long.file }, now - 400 * 86_400_000))).toEqual(['fault DOCTOR_CERTIFICATE_ENDED'])
    expect(codes(await checkCertificate({ where: 'x', cert: long.file, key: other.key }, now))).toEqual(['fault DOCTOR_CERTIFICATE_KEY'])
    expect(codes(await checkCertificate({ where: 'x', cert: long.key }, now))).toEqual(['fault DOCTOR_CERTIFICATE_UNREADABLE'])
    expect(codes(await checkCertificate({ where: 'x', cert: '/nowhere.pem' }, now))).toEqual(['fault DOCTOR_CERTIFICATE_UNREADABLE'])
    // Before the visit's enrolment both are missing, and one thing is to be done.
    expect(await checkCertificate({ where: 'x', cert: '/nowhere.pem', enrol: '/etc/s.yaml' }, now)).toMatchObject([{ code: 'DOCTOR_NOT_ENROLLED', next: { en: 'Run linli enrol /etc/s.yaml, or correct the path.' } }])
    expect(await checkCertificate({ where: 'x', cert: '/no-ca.pem', comesWith: '/nowhere.pem' }, now)).toEqual([])
    expect(codes(await checkCertificate({ where: 'x', cert: '/no-ca.pem', comesWith: long.file }, now))).toEqual(['fault DOCTOR_CERTIFICATE_UNREADABLE'])
  })
  it('says of a secret that it is missing, weak or readable by others, and never the secret', async () => {
    const file = path.join(await tempFolder(), 'secret')
    expect(codes(await checkSecret({ where: 'uplink city', ref: { file } }))).toEqual(['fault DOCTOR_SECRET_MISSING'])
    await writeFile(file, 'changeme\n', { mode: 0o644 })
    const told = await checkSecret({ where: 'uplink city', ref: { file } })
    expect(codes(told)).toEqual(['warning DOCTOR_SECRET_WEAK', 'warning DOCTOR_FILE_MODE'])
    expect(JSON.stringify(told)).not.toContain('changeme')
    await chmod(file, 0o640)
    expect(codes(await checkMode(file))).toEqual(['notice DOCTOR_FILE_MODE'])
    await writeFile(file, 'v3ry-l0ng-and-r4ndom')
    await chmod(file, 0o600)
    expect(await checkSecret({ where: 'uplink city', ref: { file } })).toEqual([])
  })
  it.skipIf(process.getuid?.() !== 0)('lets the gateway\'s group read what root keeps for it, and nobody else', async () => {
    const folder = await tempFolder()
    const file = path.join(folder, 'secret')
    await writeFile(file, 'x', { mode: 0o640 })
    for (const each of [folder, file]) await chown(each, 0, 1_234)
    expect(await checkMode(file)).toEqual([])
    for (const [mode, told] of [[0o660, 'notice'], [0o644, 'warning']] as const) {
      await chmod(file, mode)
      expect(await checkMode(file)).toMatchObject([{ severity: told, next: { en: `chmod 640 ${file}` } }])
    }
    await chown(file, 0, 4_321)
    await chmod(file, 0o640)
    expect(await checkMode(file)).toMatchObject([{ next: { en: `chmod 600 ${file}` } }])
  })
  it('looks at a site: sound, the roster, holes in a shift, what changed since the start', async () => {
    const folder = await tempFolder()
    const file = await siteFile(folder, [
      'console: { enabled: true, plainHttp: true, listen: { host: 0.0.0.0 } }',
      'people: [{ id: wang, name: { zh: 王, en: Wang }, phone: { env: NO_SUCH } }]', 'shifts: [{ id: desk, plan: [{ when: ["mon-fri 08:00-20:00"], people: [wang] }] }]',
      'escalation: [{ id: all, steps: [{ to: [{ duty: desk }] }] }]',
    ])
    const site = await readSite(file)
    const at = async (now: number, runsWith: string | null) => codes((await siteFacts(site, { now, runsWith, hasAdmin: false })).found).filter((code) => !/ROOT|CONFIG_WARNING/.test(code))
    // A Thursday, noon and midnight of the site.
    expect(await at(Date.UTC(2026, 10, 26, 4), 'another')).toEqual(['notice DOCTOR_CONFIG_CHANGED', 'warning DOCTOR_NO_SOUND', 'notice DOCTOR_DUTY_GAP', 'warning DOCTOR_CONSOLE_PLAIN', 'warning DOCTOR_NO_ADMIN', 'notice DOCTOR_UPLINK_NONE'])
    expect(await at(Date.UTC(2026, 10, 26, 16), null)).toContain('warning DOCTOR_NOBODY_ON_DUTY')
    expect((await siteFacts(site, { now: 0, runsWith: null, hasAdmin: true })).secrets).toEqual([{ where: 'person wang phone', ref: { env: 'NO_SUCH' } }])
  })
  it('is never kept waiting by one look, nor broken by it', async () => {
    const clock = new FakeClock()
    const stuck: SiteFacts = { ...nothing, get ports(): never { throw new Error('kaputt') }, certificates: [] }
    const running = checkUp({ facts: stuck, clock, version: '1', status: null, synchronised: () => new Promise(() => {}) })
    await new Promise((resolve) => setImmediate(resolve))
    await clock.advance(10_000)
    const { findings, ok } = await running
    expect(findings.filter(({ code }) => code === 'DOCTOR_CHECK_FAILED').map(({ area }) => area)).toEqual(expect.arrayContaining(['clock', 'devices']))
    expect(ok).not.toContain('store')
  })
  it('tells the gravest first, a flood once, and its exit code by the worst', () => {
    const some = ['notice', 'fault', 'warning'].map((severity) => found('DOCTOR_STOPPED', severity as 'fault', 'devices', severity, ['', ''], ['', '']))
    expect(ordered(some).map(({ severity }) => severity)).toEqual(['fault', 'warning', 'notice'])
    expect([exitCodeOf([]), exitCodeOf(some.slice(0, 1)), exitCodeOf([some[2]!]), exitCodeOf(some)]).toEqual([0, 0, 1, 2])
    expect(ordered(Array.from({ length: 1_000 }, () => some[1]!))).toHaveLength(50)
  })
})
