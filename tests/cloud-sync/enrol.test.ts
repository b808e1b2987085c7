import { execFile } from 'node:child_process'
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { enrolOnline, importFile, renewOnline, requestFile, type EnrolOptions } from '../../cloud-sync/enrol/enrol.ts'
import { PilotCa } from '../../cloud-sync/enrol/ca.ts'
import { serveCa, type CaServer } from '../../cloud-sync/enrol/ca-server.ts'
import { Tokens } from '../../cloud-sync/enrol/tokens.ts'
import { silentLog, systemClock } from '../../gateway/kit/index.ts'
import { main } from '../support/gateways.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { child, tempFolder } from '../support/resources.ts'
import { itWith } from '../support/tools.ts'
import { realJournal, startUplink } from '../support/uplinks.ts'

const run = promisify(execFile)
const signal = new AbortController().signal
const hourMs = 3_600_000

interface Bench { readonly folder: string; readonly ca: PilotCa; readonly tokens: Tokens; readonly server: CaServer; readonly box: EnrolOptions; token(gateway?: string, forMs?: number): Promise<string>; est(token: string, user?: string): Parameters<typeof enrolOnline>[0]['server'] }

async function bench(options: { readonly days?: number; readonly gateway?: string } = {}): Promise<Bench> {
  const folder = await tempFolder()
  const ca = await PilotCa.init(path.join(folder, 'ca'), { name: 'Test root', days: 3_650, now: Date.now() })
  const tokens = new Tokens(path.join(folder, 'ca', 'tokens'))
  const server = await serveCa({ ca, tokens, host: '127.0.0.1', port: 0, names: ['127.0.0.1'], days: options.days ?? 90, clock: systemClock, log: silentLog() })
  onTestFinished(() => server[Symbol.asyncDispose]())
  const at = (name: string): string => path.join(folder, 'box', name)
  return {
    folder, ca, tokens, server,
    box: { gateway: options.gateway ?? 'hall-1', region: '420106', files: { cert: at('cert.pem'), key: at('key.pem'), ca: at('ca.pem') }, now: Date.now() },
    token: (gateway = 'hall-1', forMs = hourMs) => tokens.make(gateway, Date.now() + forMs),
    est: (token, user = 'hall-1') => ({ url: server.url, ca: ca.pem, basic: { user, token } }),
  }
}

describe('enrolment over the network', () => {
  it('makes the key on the box and puts a matching certificate in place', async () => {
    const { box, token, est } = await bench()
    const enrolled = await enrolOnline({ ...box, server: est(await token()) }, signal)
    expect(enrolled).toMatchObject({ subject: 'CN=hall-1', issuer: 'CN=Test root' })
    expect((await readdir(path.dirname(box.files.key))).toSorted()).toEqual(['ca.pem', 'cert.pem', 'key.pem'])
    expect((await stat(box.files.key)).mode & 0o777).toBe(0o600)
    const leaf = new X509Certificate(await readFile(box.files.cert))
    expect(leaf.checkPrivateKey(createPrivateKey(await readFile(box.files.key)))).toBe(true)
    expect(leaf.subjectAltName).toBe('DNS:hall-1, URI:urn:linli:420106:hall-1')
  })
  it('takes a token once, in time, and from its own gateway', async () => {
    const { box, token, est } = await bench()
    const once = await token()
    await enrolOnline({ ...box, server: est(once) }, signal)
    await expect(enrolOnline({ ...box, server: est(once), force: true }, signal)).rejects.toMatchObject({ code: 'ENROL_REFUSED' })
    await expect(enrolOnline({ ...box, server: est(await token('hall-1', -1)), force: true }, signal)).rejects.toMatchObject({ code: 'ENROL_REFUSED' })
    const others = await token('hall-2')
    await expect(enrolOnline({ ...box, server: est(others), force: true }, signal)).rejects.toMatchObject({ code: 'ENROL_REFUSED' })
    await expect(enrolOnline({ ...box, server: est(await token(), 'hall-2'), force: true }, signal)).rejects.toMatchObject({ code: 'ENROL_REFUSED' })
  })
  it('lets one of many win that come with one token at the same time', async () => {
    const { tokens, token } = await bench()
    const one = await token()
    const uses = await Promise.all(Array.from({ length: 20 }, () => tokens.use('hall-1', one, Date.now())))
    expect(uses.filter(Boolean)).toHaveLength(1)
  })
  it('keeps no token on the authority\'s disk, only hashes', async () => {
    const { folder, token } = await bench()
    const secret = await token()
    const { stdout } = await run('grep', ['-r', '-c', secret, path.join(folder, 'ca')]).catch((error: { stdout: string }) => error)
    expect(stdout.split('\n').filter((line) => line && !line.endsWith(':0'))).toEqual([])
  })
  it('does not touch a valid certificate unless it is told to', async () => {
    const { box, token, est } = await bench()
    await enrolOnline({ ...box, server: est(await token()) }, signal)
    const before = await readFile(box.files.cert, 'utf8')
    await expect(enrolOnline({ ...box, server: est(await token()) }, signal)).rejects.toMatchObject({ code: 'ENROL_EXISTS', message: expect.stringContaining('--renew') })
    await enrolOnline({ ...box, server: est(await token()), force: true }, signal)
    expect(await readFile(box.files.cert, 'utf8')).not.toBe(before)
    expect(new X509Certificate(await readFile(box.files.cert)).checkPrivateKey(createPrivateKey(await readFile(box.files.key)))).toBe(true)
  })
  it('finds its key again after a crash before the answer', async () => {
    const { box, token, est } = await bench()
    await expect(enrolOnline({ ...box, server: est('wrong') }, signal)).rejects.toMatchObject({ code: 'ENROL_REFUSED' })
    const waiting = await readFile(`${box.files.key}.new`, 'utf8')
    await enrolOnline({ ...box, server: est(await token()) }, signal)
    expect(await readFile(box.files.key, 'utf8')).toBe(waiting)
  })
  it('renews with the certificate as its pass, and the key stays', async () => {
    const { box, token, est, server, ca } = await bench()
    await enrolOnline({ ...box, server: est(await token()) }, signal)
    const [cert, key] = await Promise.all([readFile(box.files.cert, 'utf8'), readFile(box.files.key, 'utf8')])
    await renewOnline({ ...box, server: { url: server.url, ca: ca.pem } }, signal)
    expect(await readFile(box.files.cert, 'utf8')).not.toBe(cert)
    expect(await readFile(box.files.key, 'utf8')).toBe(key)
  })
  it('cannot renew as another gateway, nor what is not there or has lapsed', async () => {
    const { box, token, est, server, ca } = await bench()
    await expect(renewOnline({ ...box, server: { url: server.url, ca: ca.pem } }, signal)).rejects.toMatchObject({ code: 'ENROL_MISSING' })
    await enrolOnline({ ...box, server: est(await token()) }, signal)
    await expect(renewOnline({ ...box, gateway: 'hall-2', server: { url: server.url, ca: ca.pem } }, signal)).rejects.toMatchObject({ code: 'ENROL_REFUSED' })
    await expect(renewOnline({ ...box, now: Date.now() + 91 * 24 * hourMs, server: { url: server.url, ca: ca.pem } }, signal)).rejects.toMatchObject({ code: 'ENROL_LAPSED' })
  })
  it('says which clock is wrong when the box thinks it is 1970', async () => {
    const { box, token, est } = await bench()
    await expect(enrolOnline({ ...box, now: 0, server: est(await token()) }, signal)).rejects.toMatchObject({ code: 'ENROL_CERTIFICATE', message: expect.stringContaining('1970') })
    expect(await readdir(path.dirname(box.files.key))).toEqual(['key.pem.new'])
  })
  it('does not speak to an authority it was not told to trust, nor to one that is none', async () => {
    const { box, token, server, ca } = await bench()
    const basic = { user: 'hall-1', token: await token() }
    await expect(enrolOnline({ ...box, server: { url: server.url, basic } }, signal)).rejects.toMatchObject({ code: 'ENROL_TLS', message: expect.stringContaining('--ca') })
    await expect(enrolOnline({ ...box, server: { url: 'https://127.0.0.1:1', basic } }, signal)).rejects.toMatchObject({ code: 'ENROL_UNREACHABLE' })
    const own = await ca.server(['127.0.0.1'], { days: 1, now: Date.now() })
    const answers: [number, string][] = [[200, 'hello'], [200, 'A'.repeat(300_000)], [202, ''], [503, 'busy']]
    const strange = createServer(own, (_, response) => { const [status, body] = answers.shift()!; response.writeHead(status).end(body) })
    await new Promise<void>((resolve) => { strange.listen(0, '127.0.0.1', resolve) })
    onTestFinished(() => { strange.closeAllConnections(); strange.close() })
    const url = `https://127.0.0.1:${(strange.address() as { port: number }).port}`
    for (const code of ['ENROL_ANSWER', 'ENROL_ANSWER', 'ENROL_PENDING', 'ENROL_REFUSED']) await expect(enrolOnline({ ...box, server: { url, ca: ca.pem, basic } }, signal)).rejects.toMatchObject({ code })
  })
  it('refuses an answer for another key or another gateway', async () => {
    const { box, ca, folder } = await bench()
    await requestFile(box)
    const stranger = { ...box, files: { cert: path.join(folder, 's/c'), key: path.join(folder, 's/k'), ca: path.join(folder, 's/a') } }
    const other = await ca.issue(await requestFile(stranger), { days: 1, now: Date.now() })
    await expect(importFile(box, other.toString(), ca.pem)).rejects.toMatchObject({ code: 'ENROL_CERTIFICATE', message: expect.stringContaining('key of this box') })
    const named = await ca.issue(await requestFile({ ...box, gateway: 'hall-9' }), { days: 1, now: Date.now() })
    await expect(importFile(box, named.toString(), ca.pem)).rejects.toMatchObject({ code: 'ENROL_CERTIFICATE', message: expect.stringContaining('"hall-9"') })
    await expect(importFile(box, named.toString(), null)).rejects.toMatchObject({ code: 'ENROL_CERTIFICATE' })
    await expect(importFile(box, 'no pem', null)).rejects.toMatchObject({ code: 'ENROL_CERTIFICATE' })
  })
  it('refuses a chain to a root of the same name that did not sign', async () => {
    const { box, ca, folder } = await bench()
    const twin = await PilotCa.init(path.join(folder, 'twin'), { name: 'Test root', days: 10, now: Date.now() })
    const leaf = await ca.issue(await requestFile(box), { days: 1, now: Date.now() })
    await expect(importFile(box, leaf.toString(), twin.pem)).rejects.toMatchObject({ code: 'ENROL_CERTIFICATE' })
    await importFile(box, leaf.toString(), ca.pem)
  })
})

describe('the pilot authority', () => {
  it('is not made twice in one folder', async () => {
    const { folder } = await bench()
    await expect(PilotCa.init(path.join(folder, 'ca'), { name: 'x', days: 1, now: 0 })).rejects.toMatchObject({ code: 'CA_EXISTS' })
    await expect(PilotCa.open(path.join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'CA_MISSING' })
  })
  const it2 = itWith('openssl')
  it2('issues what openssl verifies, for requests that openssl verifies, and copies nothing else from a request', async () => {
    const { box, ca, folder } = await bench()
    const at = (name: string): string => path.join(folder, name)
    await writeFile(at('box.csr'), await requestFile(box))
    const { stdout, stderr } = await run('openssl', ['req', '-in', at('box.csr'), '-verify', '-noout', '-text'])
    expect(`${stdout}${stderr}`).toMatch(/verify OK/)
    expect(stdout).toMatch(/CN ?= ?hall-1[\s\S]*NIST CURVE: P-256[\s\S]*URI:urn:linli:420106:hall-1/)
    await writeFile(at('leaf.pem'), (await ca.issue(await requestFile(box), { days: 1, now: Date.now() })).toString())
    expect((await run('openssl', ['verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', at('ca/ca.pem'), at('leaf.pem')])).stdout).toContain('OK')

    await run('openssl', ['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', at('evil.key'), '-out', at('evil.csr'), '-subj', '/CN=hall-1/O=Root', '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'subjectAltName=URI:urn:linli:420106:hall-1,DNS:bank.example'])
    const greedy = await ca.issue(await readFile(at('evil.csr'), 'utf8'), { days: 1, now: Date.now() })
    expect([greedy.ca, greedy.subject, greedy.subjectAltName]).toEqual([false, 'CN=hall-1', 'DNS:hall-1, URI:urn:linli:420106:hall-1'])
  })
  it2('does not issue weak keys, foreign names or broken signatures', async () => {
    const { box, ca, folder } = await bench()
    const at = (name: string): string => path.join(folder, name)
    const make = async (key: readonly string[], ...rest: readonly string[]): Promise<string> => { await run('openssl', ['req', '-new', ...key, '-nodes', '-keyout', at('k'), '-out', at('r'), ...rest]); return readFile(at('r'), 'utf8') }
    const issue = (csr: string): Promise<unknown> => ca.issue(csr, { days: 1, now: Date.now() })
    const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
    await expect(issue(await make(['-newkey', 'rsa:1024'], '-subj', '/CN=hall-1'))).rejects.toMatchObject({ code: 'CA_REQUEST' })
    await expect(issue(await make(ec, '-subj', '/CN=Bank'))).rejects.toMatchObject({ code: 'CA_REQUEST' })
    await expect(issue(await make(ec, '-subj', '/CN=hall-1'))).rejects.toMatchObject({ code: 'CA_REQUEST' })
    await expect(issue('junk')).rejects.toMatchObject({ code: 'CA_REQUEST' })
    const der = Buffer.from((await requestFile(box)).replace(/-----.*-----|\s/g, ''), 'base64')
    der[der.length - 5]! ^= 1
    await expect(ca.issue(der, { days: 1, now: Date.now() })).rejects.toMatchObject({ code: 'CA_REQUEST' })
  })
  it2('answers openssl and curl as EST says: certs-only in base64', async () => {
    const { server, folder, ca } = await bench()
    const answer = await new Promise<string>((resolve, reject) => {
      import('node:https').then(({ get }) => get(`${server.url}/.well-known/est/cacerts`, { ca: ca.pem }, (response) => { let text = ''; response.on('data', (chunk) => { text += String(chunk) }).on('end', () => resolve(text)) }).on('error', reject)).catch(reject)
    })
    await writeFile(path.join(folder, 'p7'), Buffer.from(answer, 'base64'))
    expect((await run('openssl', ['pkcs7', '-inform', 'DER', '-in', path.join(folder, 'p7'), '-print_certs', '-noout'])).stdout).toMatch(/subject=CN ?= ?Test root/)
  })
})

describe('linli enrol on the command line', () => {
  const it3 = itWith('mosquitto', 'openssl')
  it3('brings a box from nothing to a broker that demands certificates, by network', async () => {
    const folder = await tempFolder()
    const linli = (...args: string[]) => run(process.execPath, [main, ...args], { cwd: folder, env: { ...process.env, LINLI_ENROL_TOKEN: '' } })
    await linli('ca', 'init', 'city')
    await linli('ca', 'issue', 'city', '--server', '127.0.0.1', '--out', 'broker')
    const [caPem, cert, key] = await Promise.all(['city/ca.pem', 'broker.pem', 'broker.key'].map((name) => readFile(path.join(folder, name), 'utf8')))
    const broker = await mosquitto(['cafile {folder}/ca.pem', 'certfile {folder}/cert.pem', 'keyfile {folder}/key.pem', 'require_certificate true', 'use_identity_as_username true'], { 'ca.pem': caPem!, 'cert.pem': cert!, 'key.pem': key! })
    await writeFile(path.join(folder, 'site.yaml'), `linli: 2\nsite: { id: hall-1, name: { zh: 厅, en: hall }, region: "420106" }\nstore: { path: ./data }\nuplinks:\n  - { id: city, url: "mqtts://127.0.0.1:${broker.port}", ca: ca.pem, cert: box.pem, key: box.key }\n`)
    const served = child(process.execPath, [main, 'ca', 'serve', 'city', '--listen', '127.0.0.1:0'], { cwd: folder })
    const url = await new Promise<string>((resolve) => { served.stdout!.once('data', (chunk: Buffer) => resolve(String(chunk).split(' ')[0]!)) })

    await expect(linli('enrol', 'site.yaml', '--url', url, '--ca', 'city/ca.pem')).rejects.toMatchObject({ stderr: expect.stringMatching(/ENROL_USAGE.*LINLI_ENROL_TOKEN/) })
    await writeFile(path.join(folder, 'token'), (await linli('ca', 'token', 'city', 'hall-1')).stdout)
    const { stdout } = await linli('enrol', 'site.yaml', '--url', url, '--ca', 'city/ca.pem', '--token', 'token')
    expect(stdout).toMatch(/enrolled: CN=hall-1[\s\S]*Add to uplink "city"[^\n]*\n {4}renew: \{ url: "https:\/\/127[^\n]*ca\.pem \}/)
    expect(stdout).toMatch(/lets the gateway in[\s\S]*the first message is acknowledged: linli\/v1\/420106\/hall-1\/status[\s\S]*the platform can be used\n$/)
    expect((await linli('enrol', 'site.yaml', '--url', url, '--ca', 'city/ca.pem', '--renew', '--json')).stdout).toMatch(/"subject":"CN=hall-1"/)
    await writeFile(path.join(folder, 'renewing.yaml'), (await readFile(path.join(folder, 'site.yaml'), 'utf8')).replace('key: box.key', `key: box.key, renew: { url: "${url}", ca: city/ca.pem }`))
    expect((await linli('enrol', 'renewing.yaml', '--renew')).stdout).toMatch(/^enrolled: CN=hall-1, by [^\n]*\n$/)

    const { journal, reader } = await realJournal()
    const at = (name: string): string => path.join(folder, name)
    const refused = startUplink(journal, reader, { url: `mqtts://127.0.0.1:${broker.port}`, ca: at('ca.pem') })
    await expect.poll(() => refused.uplink.status().lastError, { timeout: 5_000 }).toBeDefined()
    await refused.stop()
    const { uplink } = startUplink(journal, reader, { url: `mqtts://127.0.0.1:${broker.port}`, ca: at('ca.pem'), cert: at('box.pem'), key: at('box.key') })
    await expect.poll(() => uplink.status(), { timeout: 5_000 }).toMatchObject({ state: 'online' })
    await rm(at('token'))
  }, 60_000)
  it3('tries the connection where nobody is asked: what the broker refuses is an exit code beside a certificate that is in place, and --no-try leaves it out', async () => {
    const folder = await tempFolder()
    const linli = (...args: string[]) => run(process.execPath, [main, ...args], { cwd: folder }).then(({ stdout }) => ({ code: 0, stdout }), ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }))
    await linli('ca', 'init', 'city')
    await linli('ca', 'issue', 'city', '--server', '127.0.0.1', '--out', 'broker')
    const [caPem, cert, key] = await Promise.all(['city/ca.pem', 'broker.pem', 'broker.key'].map((name) => readFile(path.join(folder, name), 'utf8')))
    // It lets every certificate of the authority in, and hall-1 write nothing.
    const broker = await mosquitto(['cafile {folder}/ca.pem', 'certfile {folder}/cert.pem', 'keyfile {folder}/key.pem', 'require_certificate true', 'use_identity_as_username true', 'acl_file {folder}/acl'], { 'ca.pem': caPem!, 'cert.pem': cert!, 'key.pem': key!, acl: 'user hall-2\ntopic readwrite #\n' })
    await writeFile(path.join(folder, 'site.yaml'), `linli: 2\nsite: { id: hall-1, name: { zh: 厅, en: hall }, region: "420106" }\nstore: { path: ./data }\nuplinks: [{ id: city, url: "mqtts://127.0.0.1:${broker.port}", ca: city/ca.pem }]\n`)
    const served = child(process.execPath, [main, 'ca', 'serve', 'city', '--listen', '127.0.0.1:0'], { cwd: folder })
    const url = await new Promise<string>((resolve) => { served.stdout!.once('data', (chunk: Buffer) => resolve(String(chunk).split(' ')[0]!)) })
    const enrol = async (...more: string[]) => {
      await writeFile(path.join(folder, 'token'), (await linli('ca', 'token', 'city', 'hall-1')).stdout)
      return linli('enrol', 'site.yaml', '--url', url, '--ca', 'city/ca.pem', '--token', 'token', '--force', ...more)
    }
    const told = await enrol('--json')
    expect({ code: told.code, ...JSON.parse(told.stdout) }).toMatchObject({ code: 1, uplink: 'city', subject: 'CN=hall-1', trial: { ok: false, proven: [{ step: 'connected' }], code: 'UPLINK_PUBLISH_REFUSED', message: expect.stringContaining('hall-1/status') } })
    expect(await enrol()).toMatchObject({ code: 1, stdout: expect.stringMatching(/^enrolled: CN=hall-1[\s\S]*lets the gateway in[\s\S]*UPLINK_PUBLISH_REFUSED[\s\S]*the certificate is in place[^\n]*linli enrol site\.yaml --uplink city --try; no new token is needed\n$/) })
    expect(await enrol('--no-try')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^enrolled: CN=hall-1(?![\s\S]*lets the gateway in)[\s\S]*Next: linli enrol site\.yaml --uplink city --try/) })
    expect(JSON.parse((await enrol('--no-try', '--json')).stdout)).not.toHaveProperty('trial')
  }, 60_000)
  it3('goes by files where there is no network, and says what to add to the site file', async () => {
    const folder = await tempFolder()
    const linli = (...args: string[]) => run(process.execPath, [main, ...args], { cwd: folder })
    await linli('ca', 'init', 'city')
    await writeFile(path.join(folder, 'site.yaml'), 'linli: 2\nsite: { id: hall-1, name: { zh: 厅, en: hall }, region: "420106" }\nstore: { path: ./data }\nuplinks:\n  - { id: city, url: "mqtts://127.0.0.1:1" }\n')
    await expect(linli('enrol', 'site.yaml', '--import', 'nothing.pem')).rejects.toMatchObject({ stderr: expect.stringContaining('ENROL_USAGE') })
    await linli('enrol', 'site.yaml', '--csr', 'out.csr')
    await linli('ca', 'issue', 'city', '--csr', 'out.csr', '--out', 'back.pem')
    const { stdout } = await linli('enrol', 'site.yaml', '--import', 'back.pem')
    expect(stdout).toMatch(/Add to uplink "city"[\s\S]*ca: .*data\/tls\/city\/ca\.pem\n[\s\S]*cert: .*cert\.pem\n[\s\S]*key: .*key\.pem/)
    const tls = path.join(folder, 'data/tls/city')
    expect((await run('openssl', ['verify', '-CAfile', path.join(tls, 'ca.pem'), path.join(tls, 'cert.pem')])).stdout).toContain('OK')
  }, 60_000)
})
