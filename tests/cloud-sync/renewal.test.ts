import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:https'
import path from 'node:path'
import tls from 'node:tls'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { importFile, requestFile } from '../../cloud-sync/enrol/enrol.ts'
import { PilotCa } from '../../cloud-sync/enrol/ca.ts'
import { serveCa } from '../../cloud-sync/enrol/ca-server.ts'
import { Tokens } from '../../cloud-sync/enrol/tokens.ts'
import { loadX509 } from '../../cloud-sync/enrol/x509.ts'
import { renewAt } from '../../cloud-sync/enrol/renewal.ts'
import { readSite } from '../../gateway/cli/rooms.ts'
import { silentLog, systemClock } from '../../gateway/kit/index.ts'
import { root } from '../support/architecture.ts'
import { fastClock } from '../support/clocks.ts'
import { siteFile } from '../support/gateways.ts'
import { event } from '../support/journals.ts'
import { recordingLog } from '../support/logs.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { freePort, tempFolder } from '../support/resources.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { itWith } from '../support/tools.ts'
import { backlogOf, conditions, realJournal, startUplink } from '../support/uplinks.ts'

const minuteMs = 60_000
const withMosquitto = itWith('mosquitto')

/** An authority, a broker that demands its certificates, and a box whose certificate has a life of an hour and `leftMinutes`, most of it gone. A minute passes in a second. */
async function bench(leftMinutes: number) {
  const folder = await tempFolder()
  const ca = await PilotCa.init(path.join(folder, 'ca'), { name: 'Test root', days: 3_650, now: Date.now() })
  const at = (name: string): string => path.join(folder, name)
  const files = { cert: at('box/cert.pem'), key: at('box/key.pem'), ca: at('box/ca.pem') }
  const box = { gateway: 'hall-1', region: '420106', files, now: Date.now() }
  await importFile(box, (await ca.issue(await requestFile(box), { days: leftMinutes / 1_440, now: Date.now() })).toString(), ca.pem)
  const own = await ca.server(['127.0.0.1'], { days: 90, now: Date.now() })
  const broker = await mosquitto(['cafile {folder}/ca.pem', 'certfile {folder}/cert.pem', 'keyfile {folder}/key.pem', 'require_certificate true', 'use_identity_as_username true'], { 'ca.pem': ca.pem, 'cert.pem': own.cert, 'key.pem': own.key })
  // With TLS 1.2 the client's certificate can be seen on the wire.
  const { DEFAULT_MAX_VERSION: usual } = tls
  tls.DEFAULT_MAX_VERSION = 'TLSv1.2'
  onTestFinished(() => { tls.DEFAULT_MAX_VERSION = usual })
  let wire = Buffer.alloc(0)
  const proxy = await tcpProxy(broker.port, (chunk) => { wire = Buffer.concat([wire, chunk]).subarray(-200_000) })
  const { journal, reader } = await realJournal()
  const lines: string[] = []
  const told = conditions()
  const leaf = async (): Promise<X509Certificate> => new X509Certificate(await readFile(files.cert))
  return {
    ca, own, files, journal, reader, lines, told, leaf,
    shown: (certificate: X509Certificate): boolean => wire.includes(certificate.raw),
    async authority(port = 0): Promise<string> {
      const server = await serveCa({ ca, tokens: new Tokens(at('tokens')), host: '127.0.0.1', port, names: ['127.0.0.1'], days: 90, clock: systemClock, log: silentLog() })
      onTestFinished(() => server[Symbol.asyncDispose]())
      return server.url
    },
    start: (url: string) => startUplink(journal, reader, { url: `mqtts://127.0.0.1:${proxy.port}`, ...files, renew: { url, ca: files.ca } }, { clock: fastClock(60), log: recordingLog(lines), conditions: told }).uplink,
  }
}

describe('a certificate near its end', () => {
  withMosquitto('is renewed by the gateway itself, and shown to the broker without a restart and without an alarm', { timeout: 60_000 }, async () => {
    const { start, authority, files, leaf, shown, journal, reader, told, lines } = await bench(29)
    const [before, key] = [await leaf(), await readFile(files.key, 'utf8')]
    const uplink = start(await authority())
    await expect.poll(() => uplink.status().state, { timeout: 10_000 }).toBe('online')
    expect(uplink.status().certificate).toMatchObject({ serial: before.serialNumber, validTo: before.validToDate.getTime() })
    expect(shown(before)).toBe(true)
    await journal.commit({ events: [event(1)], urgent: true })
    await expect.poll(async () => (await leaf()).serialNumber, { timeout: 20_000 }).not.toBe(before.serialNumber)
    const after = await leaf()
    await expect.poll(() => uplink.status(), { timeout: 10_000 }).toMatchObject({ state: 'online', reconnects: 1, lastError: 'UPLINK_RENEWED', certificate: { subject: 'CN=hall-1', serial: after.serialNumber } })
    expect(shown(after)).toBe(true)
    const { renewal, validTo } = uplink.status().certificate!
    expect(renewal).toEqual({ at: renewAt({ validFrom: after.validFromDate.getTime(), validTo }) })
    expect(renewal!.at).toBeGreaterThan(Date.now() + 50 * 86_400_000)
    expect(await readFile(files.key, 'utf8')).toBe(key)
    expect((await stat(files.key)).mode & 0o777).toBe(0o600)
    await journal.commit({ events: [event(2)], urgent: true })
    await expect.poll(() => backlogOf(reader)).toBe(0)
    expect([...told.raised.keys()]).toEqual([])
    expect(lines.filter((line) => line.includes('could not be renewed'))).toEqual([])
  })
  withMosquitto('stays in use while the authority is away; people are told when half the time is gone, and it is tried until it works', { timeout: 60_000 }, async () => {
    const { start, authority, leaf, lines, told } = await bench(15)
    const before = await leaf()
    const port = await freePort()
    const uplink = start(`https://127.0.0.1:${port}`)
    await expect.poll(() => uplink.status(), { timeout: 10_000 }).toMatchObject({ state: 'online', certificate: { renewal: { lastError: 'ENROL_UNREACHABLE' } } })
    expect(lines).toEqual([expect.stringMatching(/^uplink city: the gateway's certificate, which ends at .* could not be renewed, and is tried again in 1 min: 127\.0\.0\.1/)])
    await expect.poll(() => told.raised.get('uplink/city/certificate'), { timeout: 20_000 }).toMatchObject({ severity: 2, data: { whose: 'gateway', subject: 'CN=hall-1', days: 0, code: 'ENROL_UNREACHABLE' } })
    expect((await leaf()).serialNumber).toBe(before.serialNumber)
    expect(uplink.status()).toMatchObject({ state: 'online', reconnects: 0 })
    await authority(port)
    await expect.poll(() => uplink.status(), { timeout: 20_000 }).toMatchObject({ state: 'online', reconnects: 1 })
    expect(uplink.status().certificate!.serial).not.toBe(before.serialNumber)
    expect(uplink.status().certificate!.renewal).not.toHaveProperty('lastError')
    expect(told.raised.has('uplink/city/certificate')).toBe(false)
    // Once a cause, not once a try.
    expect(lines.filter((line) => line.includes('could not be renewed'))).toHaveLength(1)
  })
  withMosquitto('is kept when the authority answers nonsense, another box\'s certificate, or nothing', { timeout: 60_000 }, async () => {
    const { start, ca, own, files, lines } = await bench(20)
    const before = await readFile(files.cert, 'utf8')
    const x509 = await loadX509()
    const list = (...certificates: readonly { readonly raw: Buffer }[]): string => Buffer.from(new x509.X509Certificates(certificates.map(({ raw }) => new x509.X509Certificate(raw))).export('raw')).toString('base64')
    const others = await ca.server(['hall-1'], { days: 90, now: Date.now() })
    const answers: [number, string][] = [[200, '<html>'], [200, list(new X509Certificate(others.cert))], [200, list()], [500, 'oh']]
    const seen: string[] = []
    const server = createServer({ ...own, ca: ca.pem, requestCert: true }, (request, response) => {
      request.resume()
      if (request.method === 'GET') return response.end(list(new X509Certificate(ca.pem)))
      seen.push(String((request.socket as tls.TLSSocket).getPeerCertificate().subject.CN))
      const [status, body] = answers.shift() ?? [503, '']
      return response.writeHead(status).end(body)
    })
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
    onTestFinished(() => { server.closeAllConnections(); server.close() })
    const uplink = start(`https://127.0.0.1:${(server.address() as { port: number }).port}`)
    await expect.poll(() => answers.length, { timeout: 30_000 }).toBe(0)
    await expect.poll(() => uplink.status().certificate?.renewal?.lastError).toBe('ENROL_REFUSED')
    expect(seen).toEqual(['hall-1', 'hall-1', 'hall-1', 'hall-1'])
    const told = lines.filter((line) => line.includes('could not be renewed'))
    expect(told).toEqual([expect.stringContaining('no list of certificates'), expect.stringContaining('key of this box'), expect.stringContaining('500')])
    expect(await readFile(files.cert, 'utf8')).toBe(before)
    expect(uplink.status()).toMatchObject({ state: 'online', reconnects: 0 })
  })
})

describe('`renew` in the site file', () => {
  const site = async (uplink: string): Promise<string> => siteFile(await tempFolder(), ['uplinks:', `  - { id: city, url: "mqtts://127.0.0.1:1", ${uplink} }`])
  it('names the authority; its files lie beside the site file', async () => {
    const file = await site('cert: c.pem, key: k.pem, renew: { url: "https://ca.example/label", ca: ca.pem, lead: 720h }')
    expect((await readSite(file)).uplinks[0]!.renew).toEqual({ url: 'https://ca.example/label', ca: path.join(path.dirname(file), 'ca.pem'), lead: 720 * 60 * minuteMs })
  })
  it('is refused without a certificate, and without TLS', async () => {
    await expect(readSite(await site('renew: { url: "https://ca.example" }'))).rejects.toThrow(/named by cert and key/)
    await expect(readSite(await site('cert: c.pem, key: k.pem, renew: { url: "http://ca.example" }'))).rejects.toThrow(/https:\/\/host:port/)
  })
})

describe('the time of renewal', () => {
  it('law: it lies in the second half of the life, `lead` before the end where that is allowed', () => {
    fc.assert(fc.property(fc.integer({ min: 2, max: 1e12 }), fc.integer({ min: 0, max: 1e12 }), fc.option(fc.integer({ min: 0, max: 1e12 }), { nil: undefined }), (life, validFrom, lead) => {
      const validTo = validFrom + life
      const at = renewAt({ validFrom, validTo }, lead)
      expect(at).toBeGreaterThanOrEqual(validFrom + life / 2)
      expect(at).toBeLessThanOrEqual(validTo)
      if (lead !== undefined && lead < life / 2) expect(at).toBe(validTo - lead)
    }))
    expect(renewAt({ validFrom: 0, validTo: 90 * minuteMs })).toBe(60 * minuteMs)
  })
  it('costs nothing until then: the library for requests is not loaded', async () => {
    const folder = await tempFolder()
    const ca = await PilotCa.init(path.join(folder, 'ca'), { name: 'Test root', days: 10, now: Date.now() })
    const files = { cert: path.join(folder, 'c'), key: path.join(folder, 'k'), ca: path.join(folder, 'a') }
    const box = { gateway: 'hall-1', region: '420106', files, now: Date.now() }
    await importFile(box, (await ca.issue(await requestFile(box), { days: 9, now: Date.now() })).toString(), ca.pem)
    const script = `
      import { registerHooks } from 'node:module'
      const loaded = []
      registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context) } })
      const { Renewal } = await import(${JSON.stringify(path.join(root, 'cloud-sync/enrol/renewal.ts'))})
      await import(${JSON.stringify(path.join(root, 'gateway/main.ts'))})
      const { systemClock, silentLog } = await import(${JSON.stringify(path.join(root, 'gateway/kit/index.ts'))})
      const renewal = new Renewal({ config: { id: 'city', cert: ${JSON.stringify(files.cert)}, key: ${JSON.stringify(files.key)}, renew: { url: 'https://127.0.0.1:1' } }, gateway: 'hall-1', region: '420106', clock: systemClock, random: () => 0, log: silentLog() })
      await renewal.consider(new AbortController().signal)
      console.log(JSON.stringify({ modules: loaded.length, heavy: loaded.filter((url) => url.includes('@peculiar') || url.includes('enrol-est')), renewal: renewal.status }))`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
    const answer = JSON.parse(stdout)
    expect(answer).toMatchObject({ heavy: [], renewal: { at: expect.any(Number) } })
    expect(answer.modules).toBeGreaterThan(50)
  })
})
