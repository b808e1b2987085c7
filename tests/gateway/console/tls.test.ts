import { execFile } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { request } from 'node:https'
import { connect as connectPlain } from 'node:net'
import path from 'node:path'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { makeServer } from '../../../gateway/console/tls/certificate.ts'
import { TlsKeeper, tlsFindings, type KeeperOptions } from '../../../gateway/console/tls/keeper.ts'
import { namesAllowed, namesWanted, split, type Network } from '../../../gateway/console/tls/names.ts'
import { makeSiteCa, readSiteCa, serverPair } from '../../../gateway/console/tls/site-ca.ts'
import { FakeClock, silentLog } from '../../../gateway/kit/index.ts'
import { linli } from '../../support/command-line.ts'
import { serveConsole } from '../../support/console.ts'
import { tempFolder } from '../../support/resources.ts'
import { itWith } from '../../support/tools.ts'

const run = promisify(execFile)
const dayMs = 86_400_000
const now = Date.parse('2026-11-26T08:00:00Z')
const card: Network = { address: '192.168.7.20', prefix: 16 }
const called = { listen: { host: '0.0.0.0', port: 0 }, hosts: ['linli.local', '203.0.113.9'], plainHttp: false, metrics: 'loopback' } as const

describe("the site's authority", () => {
  it('is called by the names of the site file and the addresses of the cards, and may sign for no wider a network than its own', () => {
    const wanted = namesWanted(called, [card, { address: '198.51.100.4', prefix: 8 }])
    expect(namesAllowed(wanted)).toEqual({ hosts: ['linli.local', 'localhost'], networks: [{ address: '127.0.0.1', prefix: 32 }, { address: '203.0.113.9', prefix: 32 }, { address: '192.168.7.20', prefix: 24 }, { address: '198.51.100.4', prefix: 32 }] })
    const allowed = namesAllowed(wanted)
    expect(split({ hosts: ['linli.local', 'a.linli.local', 'evil-linli.local', 'bank.cn'], networks: [{ address: '192.168.7.99', prefix: 24 }, { address: '192.168.8.1', prefix: 24 }, { address: 'fd00::1', prefix: 128 }] }, allowed)).toEqual({ within: ['linli.local', 'a.linli.local', '192.168.7.99'], outside: ['evil-linli.local', 'bank.cn', '192.168.8.1', 'fd00::1'] })
  })

  it('keeps its key to the gateway, lasts ten years also where the box has no clock yet, and signs for at most 397 days', async () => {
    const folder = await tempFolder()
    const ca = await makeSiteCa(folder, 'hall-1', namesWanted(called, [card]), 86_400_000)
    expect(new Date(ca.until).getUTCFullYear()).toBe(2036)
    expect((await stat(path.join(folder, 'tls/site-ca.json'))).mode & 0o777).toBe(0o600)
    const { cert, key } = await serverPair(folder, ca, namesWanted(called, [card]), now)
    expect((await stat(path.join(folder, 'tls/server.json'))).mode & 0o777).toBe(0o600)
    const server = new X509Certificate(cert)
    expect(server.checkPrivateKey(createPrivateKey(key))).toBe(true)
    expect((Date.parse(server.validTo) - Date.parse(server.validFrom)) / dayMs).toBeLessThanOrEqual(397)
    expect([server.checkHost('linli.local'), server.checkHost('localhost'), server.checkIP('192.168.7.20'), server.checkIP('203.0.113.9'), server.checkHost('bank.cn')]).toEqual(['linli.local', 'localhost', '192.168.7.20', '203.0.113.9', undefined])
    expect((await readSiteCa(folder))!.fingerprints).toEqual(ca.fingerprints)
    expect(ca.fingerprints.sha256).toBe(ca.certificate.fingerprint256)
  })

  itWith('openssl')('is believed by openssl for what it may sign, and for nothing else even with its own key', async () => {
    for (const hosts of [['linli.local'], ['linli.local', 'fd12::7']]) {
      const folder = await tempFolder()
      const ca = await makeSiteCa(folder, 'hall-1', namesWanted({ ...called, hosts }, [card]), now)
      const file = (name: string): string => path.join(folder, name)
      await writeFile(file('ca.pem'), ca.pem)
      const stored = JSON.parse(await readFile(file('tls/site-ca.json'), 'utf8')) as { key: string; cert: string; title: string }
      const verify = async (names: readonly string[]): Promise<string> => {
        await writeFile(file('server.pem'), makeServer(stored, names, { from: now - dayMs, to: now + dayMs }).cert)
        return run('openssl', ['verify', '-x509_strict', '-purpose', 'sslserver', '-attime', String(now / 1_000), '-CAfile', file('ca.pem'), file('server.pem')]).then(({ stdout }) => stdout.trim().split(': ').at(-1)!, (error: { stderr: string }) => /permitted subtree|excluded subtree/.exec(error.stderr)?.[0] ?? error.stderr)
      }
      expect(await verify(['linli.local', 'localhost', '127.0.0.1', '192.168.7.250', ...hosts.slice(1)])).toBe('OK')
      for (const name of ['bank.cn', 'linli.local.bank.cn', '192.168.8.1', '8.8.8.8', '2001:db8::1']) expect([name, await verify(['linli.local', name])]).toEqual([name, expect.stringMatching(/(permitted|excluded) subtree/)])
    }
  })
})

const keeperOf = async (clock: FakeClock, networks: () => readonly Network[], more: Partial<KeeperOptions> = {}): Promise<TlsKeeper> => {
  const keeper = await TlsKeeper.open({ config: { ...called, tls: 'site-ca' }, folder: await tempFolder(), site: 'hall-1', clock, log: silentLog(), networks, ...more })
  onTestFinished(() => keeper[Symbol.dispose]())
  return keeper
}

describe("the console's certificate", () => {
  it('is made anew well before it ends, when an address changes, and when another authority takes over', async () => {
    const [clock, folder] = [new FakeClock(now), await tempFolder()]
    let networks: readonly Network[] = [card]
    const keeper = await keeperOf(clock, () => networks, { folder })
    const taken: string[] = []
    keeper.watch(({ cert }) => taken.push(new X509Certificate(cert).subjectAltName!), () => {})
    const { until } = keeper.status
    await keeper.check()
    expect(taken).toEqual([])
    networks = [{ address: '192.168.7.31', prefix: 24 }]
    await keeper.check()
    expect(taken).toEqual([expect.stringContaining('192.168.7.31')])
    clock.step(345 * dayMs)
    await keeper.check()
    expect(taken).toHaveLength(2)
    expect(keeper.status.until).toBeGreaterThan(until + 300 * dayMs)
    await makeSiteCa(folder, 'hall-1', namesWanted(called, networks), clock.now())
    await keeper.check()
    expect(taken).toHaveLength(3)
    expect(keeper.findings).toEqual([])
  })

  it('says when the box is called by an address that its authority may not sign for, and goes on with the others', async () => {
    let networks: readonly Network[] = [card]
    const keeper = await keeperOf(new FakeClock(now), () => networks)
    networks = [{ address: '10.1.2.3', prefix: 24 }]
    await keeper.check()
    expect(keeper.status).toMatchObject({ outside: ['10.1.2.3'], names: expect.arrayContaining(['linli.local']) })
    expect(keeper.findings).toEqual([{ code: 'CONSOLE_TLS_NAMES', text: expect.stringMatching(/10\.1\.2\.3.*console-ca SITE --renew/) }])
    expect(tlsFindings({ ...keeper.status, outside: [] }, keeper.status.authority!.until - 80 * dayMs).map(({ code }) => code)).toEqual(['CONSOLE_TLS_ENDS'])
  })

  it('stays in use where a new one cannot be read, and the trouble is told', async () => {
    const folder = await tempFolder()
    const pair = await serverPair(folder, await makeSiteCa(folder, 'own', namesWanted(called, []), now), namesWanted(called, []), now)
    const files = { cert: path.join(folder, 'own.pem'), key: path.join(folder, 'own.key') }
    await writeFile(files.cert, pair.cert)
    await writeFile(files.key, pair.key)
    const keeper = await keeperOf(new FakeClock(now), () => [], { config: { ...called, tls: files } })
    expect(keeper.findings).toEqual([])
    await writeFile(files.cert, 'half a certif')
    await keeper.check()
    expect(keeper.findings).toMatchObject([{ code: 'CONSOLE_TLS', text: expect.stringContaining('was not') }])
    expect(keeper.context.cert).toBe(pair.cert)
    await writeFile(files.cert, pair.cert)
    await keeper.check()
    expect(keeper.findings).toEqual([])
  })
})

/** What a strict client gets that trusts only `ca`. */
const strict = (url: string, ca: string, target: string, servername?: string): Promise<{ status: number; type: string | undefined; body: Buffer }> => new Promise((resolve, reject) => {
  request(`${url}${target}`, { ca, ...(servername === undefined ? {} : { servername }), agent: false }, (answer) => {
    const chunks: Buffer[] = []
    answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => resolve({ status: answer.statusCode!, type: answer.headers['content-type'], body: Buffer.concat(chunks) }))
  }).on('error', reject).end()
})
const plain = (port: string, target: string, host = `127.0.0.1:${port}`): Promise<{ status: number; location: string | undefined; type: string | undefined; text: string }> => new Promise((resolve, reject) => {
  httpRequest({ host: '127.0.0.1', port, path: target, headers: { host }, agent: false }, (answer) => {
    let text = ''
    answer.setEncoding('utf8').on('data', (chunk: string) => { text += chunk }).on('end', () => resolve({ status: answer.statusCode!, location: answer.headers.location, type: answer.headers['content-type'], text }))
  }).on('error', reject).end()
})

describe('a console with tls: site-ca', () => {
  it('is trusted by who trusts the authority, by its name and address alone; and shows everybody how', async () => {
    const served = await serveConsole({ console: '{ enabled: true, listen: { port: 0 }, hosts: [linli.local], tls: site-ca }' })
    const { port } = new URL(served.url)
    const shown = await linli('console-ca', served.file, '--json')
    const { pem, sha256, sha1 } = JSON.parse(shown.stdout) as { pem: string; sha256: string; sha1: string }
    expect((await strict(served.url, pem, '/healthz')).status).toBe(200)
    expect((await strict(served.url, pem, '/healthz', 'linli.local')).status).toBe(200)
    await expect(strict(served.url, pem, '/healthz', 'bank.cn')).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
    const other = await makeSiteCa(await tempFolder(), 'hall-1', namesWanted(called, []), now)
    await expect(strict(served.url, other.pem, '/healthz')).rejects.toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
    const page = await strict(served.url, pem, '/install')
    const text = page.body.toString().replaceAll('<wbr>', '')
    for (const each of [sha256, sha1, '安卓', '苹果', 'Windows', '火狐', '/site-ca.crt']) expect(text).toContain(each)
    expect((await strict(served.url, pem, '/install?lang=en')).body.toString()).toContain('Trusted Root Certification Authorities')
    const file = await strict(served.url, pem, '/site-ca.crt')
    expect([file.type, new X509Certificate(file.body).fingerprint256]).toEqual(['application/x-x509-ca-cert', sha256])
    const claimed = await linli('claim', served.file)
    expect(claimed.stdout.replaceAll(/\n {2}/g, '')).toContain(sha256)
    expect(claimed.stdout).toMatch(/█|▀/)

    // Plain HTTP on the same port: a way on for browsers, the authority for who needs it first, and nothing else.
    expect(await plain(port, '/')).toMatchObject({ status: 307, location: `https://127.0.0.1:${port}/` })
    expect(await plain(port, '/api/session')).toMatchObject({ status: 307 })
    expect((await plain(port, '/install')).text).toContain('安装本站证书')
    expect(await plain(port, '/', 'evil.example')).toMatchObject({ status: 421, location: undefined })
    // Who says nothing, or nonsense, harms nobody and holds nothing up.
    const silent = connectPlain(Number(port), '127.0.0.1')
    const rubbish = connectPlain(Number(port), '127.0.0.1', () => rubbish.end('\x00\x01\x02\r\n\r\n'))
    await new Promise((resolve) => rubbish.on('error', resolve).on('close', resolve).resume())
    expect((await strict(served.url, pem, '/healthz')).status).toBe(200)

    const gone = new Promise((resolve) => silent.on('error', resolve).on('close', resolve))
    await served.stop()
    await gone
  })

  it('takes a new authority up without a restart', async () => {
    const served = await serveConsole({ console: '{ enabled: true, listen: { port: 0 }, tls: site-ca }' })
    const first = (await readSiteCa(path.join(served.folder, 'data/console')))!
    const renewed = await linli('console-ca', served.file, '--renew', '--json')
    const { pem } = JSON.parse(renewed.stdout) as { pem: string }
    expect(pem).not.toBe(first.pem)
    expect((await strict(served.url, first.pem, '/healthz')).status).toBe(200)
    await served.gateway.console!.tls!.check()
    expect((await strict(served.url, pem, '/healthz')).status).toBe(200)
    await expect(strict(served.url, first.pem, '/healthz')).rejects.toThrow(/verify/)
  })

  it('speaks no TLS older than 1.2', async () => {
    const served = await serveConsole({ console: '{ enabled: true, listen: { port: 0 }, tls: site-ca }' })
    const { port } = new URL(served.url)
    const outcome = await new Promise((resolve) => { const socket = connect({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }, () => { socket.destroy(); resolve('connected') }); socket.on('error', () => resolve('refused')) })
    expect(outcome).toBe('refused')
  })
})
