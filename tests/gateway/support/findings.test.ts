import { spawnSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { startModbusSimulator } from '../../../drivers/modbus/simulator.ts'
import { renderCheckUp } from '../../../gateway/cli/doctor.ts'
import { readSite } from '../../../gateway/cli/rooms.ts'
import { makeSiteCa } from '../../../gateway/console/tls/site-ca.ts'
import { namesWanted, ownNetworks } from '../../../gateway/console/tls/names.ts'
import { controlClient } from '../../../gateway/control/client.ts'
import { systemClock as clock } from '../../../gateway/kit/index.ts'
import { siteFacts } from '../../../gateway/main/check-up.ts'
import { scanLibrary } from '../../../gateway/main/discovery/library.ts'
import { checkOpcua } from '../../../gateway/support/check-opcua.ts'
import { linli } from '../../support/command-line.ts'
import { runGateway, siteFile } from '../../support/gateways.ts'
import { freePort, tempFolder } from '../../support/resources.ts'
import { busOf, fillBus } from '../../support/scan-bus.ts'
import { itWith } from '../../support/tools.ts'

const dayMs = 86_400_000
/** A self-signed certificate of openssl; its thumbprint as OPC UA names it. */
async function certificate(file: string, name: string, days: number): Promise<string> {
  await mkdir(path.dirname(file), { recursive: true })
  const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', '/dev/null', '-out', file, '-days', String(days), '-subj', `/CN=${name}`], { encoding: 'utf8' })
  expect([made.status, made.status === 0 ? '' : made.stderr]).toEqual([0, ''])
  return createHash('sha1').update(new X509Certificate(await readFile(file)).raw).digest('hex')
}

describe('what a check-up finds', () => {
  itWith('openssl')('of OPC UA: its own certificate that ends, and a server’s that waits to be trusted, until it is', async () => {
    const folder = await tempFolder()
    const pki = { folder, connections: [{ id: 'plc', endpoint: 'opc.tcp://10.0.0.5:4840' }] }
    expect(await checkOpcua(pki, clock.now())).toEqual([])
    await certificate(path.join(folder, 'own/certs/client_certificate.pem'), 'Linli', 40)
    expect(await checkOpcua(pki, clock.now())).toEqual([])
    expect(await checkOpcua(pki, clock.now() + 15 * dayMs)).toMatchObject([{ code: 'OPCUA_CERTIFICATE_ENDS', severity: 'warning', where: expect.stringContaining('connection plc'), next: { en: expect.stringContaining(`Move ${folder}/own away`) } }])
    expect(await checkOpcua(pki, clock.now() + 41 * dayMs)).toMatchObject([{ code: 'OPCUA_CERTIFICATE_ENDS', severity: 'fault' }])
    const thumbprint = await certificate(path.join(folder, 'rejected/plc.pem'), 'PLC', 400)
    await writeFile(path.join(folder, 'rejected/half.pem'), 'half of a certificate')
    expect(await checkOpcua(pki, clock.now())).toMatchObject([{ code: 'OPCUA_SERVER_UNTRUSTED', severity: 'warning', what: { zh: expect.stringContaining(thumbprint) }, next: { en: expect.stringContaining(`linli probe opcua opc.tcp://10.0.0.5:4840 trust --pki ${folder}`) }, detail: expect.stringContaining('CN=PLC') }])
    await mkdir(path.join(folder, 'trusted/certs'), { recursive: true })
    await writeFile(path.join(folder, 'trusted/certs/plc.pem'), await readFile(path.join(folder, 'rejected/plc.pem')))
    expect(await checkOpcua(pki, clock.now())).toEqual([])
  })

  it('of the page: the authority that signs for it, before it ends and after', { timeout: 30_000 }, async () => {
    const folder = await tempFolder()
    const file = await siteFile(folder, ['console: { enabled: true, tls: site-ca }'])
    const read = await readSite(file)
    const { console: page, store, site } = read
    // Of the file as it lies there, at a time to come.
    const look = async (now: number) => (await Promise.all(((await siteFacts(read, { now, runsWith: null, hasAdmin: true })).looks ?? []).map(([, each]) => each()))).flat()
    expect(await look(clock.now())).toEqual([])
    const { until } = await makeSiteCa(path.join(store.path, 'console'), site.id, namesWanted(page, ownNetworks()), clock.now())
    expect(await look(clock.now())).toEqual([])
    expect(await look(until - 20 * dayMs)).toMatchObject([{ code: 'CONSOLE_TLS_ENDS', severity: 'warning', what: { en: expect.stringContaining(new Date(until).toISOString().slice(0, 10)) }, next: { en: expect.stringContaining(`linli console-ca ${file} --renew`) } }])
    expect(await look(until + dayMs)).toMatchObject([{ code: 'CONSOLE_TLS_ENDS', severity: 'fault' }])
    await writeFile(file, (await readFile(file, 'utf8')).replace('tls: site-ca', 'tls: site-ca, hosts: [desk.example]'))
    const { findings } = JSON.parse((await linli('doctor', file, '--json')).stdout) as { readonly findings: readonly object[] }
    expect(findings).toContainEqual(expect.objectContaining({ code: 'CONSOLE_TLS_NAMES', where: 'desk.example', severity: 'warning' }))
  })

  it('of meters: a word order that cannot be, by physics, with the point and what to set; and nothing of a right one', { timeout: 60_000 }, async () => {
    const folder = await tempFolder()
    const devices = [{ unit: 1, profile: 'pzem-016' }, { unit: 2, profile: 'pzem-016' }]
    const bus = busOf(devices, await scanLibrary([]), { host: '127.0.0.1' })
    const port = await freePort()
    await using simulator = await startModbusSimulator(bus, { clock, random: () => 0.5 }, { port, strict: true })
    fillBus(simulator, bus, devices, () => 0.5)
    const file = await siteFile(folder, ['connections:', `  - { id: line, driver: modbus, host: 127.0.0.1, port: ${port} }`, 'devices:',
      '  - { id: wrong, name: { zh: 表, en: meter }, connection: line, profile: pzem-016, unitId: 1, points: { power: { wordOrder: big } } }',
      '  - { id: right, name: { zh: 表, en: meter }, connection: line, profile: pzem-016, unitId: 2 }'])
    await runGateway(file)
    const control = controlClient(path.join(folder, 'data/linli.sock'))
    await expect.poll(async () => (await control.readings()).filter(({ value }) => value !== null).length, { timeout: 20_000 }).toBeGreaterThan(10)
    const checkUp = await control.checkUp()
    expect(checkUp.findings.filter(({ code }) => code.startsWith('DECODE_'))).toMatchObject([{
      code: 'DECODE_WORD_ORDER', severity: 'warning', area: 'devices', where: 'wrong.power',
      next: { zh: expect.stringContaining('wordOrder: little'), en: expect.stringContaining('devices wrong: points: { power: { wordOrder: little } }') }, detail: expect.stringMatching(/^wrong: what it shows cannot be/),
    }])
    expect(renderCheckUp(checkUp)).toMatch(/warning {2}devices {2}wrong\.power {2}DECODE_WORD_ORDER/)
  })
})
