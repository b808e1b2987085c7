import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { connect, type PeerCertificate } from 'node:tls'
import type { IClientOptions } from 'mqtt'
import { describe, expect, onTestFinished } from 'vitest'
import { mqttDriver } from '../../../drivers/mqtt/driver.ts'
import { FakeClock } from '../../../gateway/kit/index.ts'
import { mosquitto } from '../../support/mosquitto.ts'
import { freePort, tempFolder } from '../../support/resources.ts'
import { runSession, testKit } from '../../support/sessions.ts'
import { itWith } from '../../support/tools.ts'
import { connectDevice, mqttConfig, mqttDevice, until } from './support.ts'

const it = itWith('openssl', 'mosquitto')
const kiosk = () => mqttDevice('kiosk', { points: { paper: { topic: 'devices/{device}/state', pointer: '/paper' } } })

/** An authority, a server certificate for `name` and a device's certificate, all in one folder. */
async function certificates(name = 'IP:127.0.0.1') {
  const folder = await tempFolder()
  chmodSync(folder, 0o755)
  const openssl = (...args: string[]): void => { execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' }) }
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...key, '-days', '2', '-subj', '/CN=test authority', '-keyout', 'ca.key', '-out', 'ca.pem')
  const sign = (file: string, subject: string): void => {
    openssl('req', ...key, '-subj', `/CN=${subject}`, '-addext', `subjectAltName=${name}`, '-keyout', `${file}.key`, '-out', `${file}.csr`)
    openssl('x509', '-req', '-in', `${file}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-copy_extensions', 'copy', '-out', `${file}.pem`)
    chmodSync(path.join(folder, `${file}.key`), 0o644)
  }
  sign('server', 'first')
  sign('second', 'second')
  sign('device', 'device')
  const at = (file: string): string => path.join(folder, file)
  return { at, ca: await readFile(at('ca.pem')), read: (file: string) => readFile(at(file)) }
}

async function secureBroker(tls: object, settings: object = {}, clock = new FakeClock()) {
  const [plainPort, port] = [await freePort(), await freePort()]
  const config = mqttConfig(plainPort, [kiosk()], { tls: { port, ...tls }, ...settings })
  return { running: await runSession(mqttDriver, config, { ...testKit(), clock }), port, plainPort, clock }
}

const certificateAt = (port: number, ca: Buffer): Promise<PeerCertificate> => new Promise((resolve, reject) => {
  const socket = connect({ port, host: '127.0.0.1', ca }, () => { resolve(socket.getPeerCertificate()); socket.destroy() }).on('error', reject)
  onTestFinished(() => { socket.destroy() })
})

describe('the TLS door of the local broker', () => {
  it('takes devices beside the plain one, or alone', async () => {
    const { at, ca } = await certificates()
    const files = { cert: at('server.pem'), key: at('server.key') }
    const both = await secureBroker(files)
    for (const device of [await connectDevice(both.port, 'kiosk', { ca }), await connectDevice(both.plainPort, 'kiosk')]) await device.publishAsync('devices/kiosk/state', '{"paper":50}', { qos: 1 })
    expect(both.running.last('kiosk.paper')).toMatchObject({ raw: 50 })
    const alone = await secureBroker(files, { plain: false })
    await connectDevice(alone.port, 'kiosk', { ca })
    await expect(connectDevice(alone.plainPort, 'kiosk')).rejects.toThrow()
    await expect(connectDevice(alone.port, 'kiosk', { ca, password: 'wrong' })).rejects.toMatchObject({ code: 4 })
  })
  it('speaks TLS 1.2 at least', async () => {
    const { at, ca } = await certificates()
    const { port, running } = await secureBroker({ cert: at('server.pem'), key: at('server.key') })
    await expect(connectDevice(port, 'kiosk', { ca, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as IClientOptions)).rejects.toThrow()
    await until(() => running.session.statistics!().failedHandshakes === 1)
  })
  it('wants a certificate of the device too where it has an authority for them', async () => {
    const { at, ca, read } = await certificates()
    const { port } = await secureBroker({ cert: at('server.pem'), key: at('server.key'), ca: at('ca.pem') })
    await expect(connectDevice(port, 'kiosk', { ca })).rejects.toThrow()
    const device = await connectDevice(port, 'kiosk', { ca, cert: await read('device.pem'), key: await read('device.key') })
    expect(device.connected).toBe(true)
  })
  it('shows a new certificate without a restart, and keeps the old one when the new is of no use', async () => {
    const { at, ca } = await certificates()
    const { port, clock } = await secureBroker({ cert: at('server.pem'), key: at('server.key') })
    expect((await certificateAt(port, ca)).subject.CN).toBe('first')
    await copyFile(at('second.pem'), at('server.pem'))
    await copyFile(at('second.key'), at('server.key'))
    await expect.poll(async () => { await clock.advance(10_000); return (await certificateAt(port, ca)).subject.CN }, { timeout: 5_000 }).toBe('second')
    await writeFile(at('server.pem'), 'not a certificate')
    for (let look = 0; look < 5; look++) { await clock.advance(10_000); await new Promise((resolve) => setTimeout(resolve, 5)) }
    expect((await certificateAt(port, ca)).subject.CN).toBe('second')
  })
  it('names the file that is missing, no PEM, or another\'s key', async () => {
    const { at } = await certificates()
    await writeFile(at('bad.pem'), 'nonsense')
    const refusal = (tls: object) => secureBroker(tls).then(() => null, (error: unknown) => error)
    expect(await refusal({ cert: at('none.pem'), key: at('server.key') })).toMatchObject({ code: 'MQTT_TLS', message: expect.stringContaining('none.pem cannot be read (ENOENT)') })
    expect(await refusal({ cert: at('bad.pem'), key: at('server.key') })).toMatchObject({ code: 'MQTT_TLS', message: expect.stringContaining('bad.pem is not a certificate') })
    expect(await refusal({ cert: at('server.pem'), key: at('bad.pem') })).toMatchObject({ code: 'MQTT_TLS', message: expect.stringContaining('bad.pem is not a private key') })
    expect(await refusal({ cert: at('server.pem'), key: at('second.key') })).toMatchObject({ code: 'MQTT_TLS', message: expect.stringContaining('second.key is not the key of') })
    expect(await refusal({ cert: at('server.pem'), key: at('server.key'), ca: at('bad.pem') })).toMatchObject({ code: 'MQTT_TLS', message: expect.stringContaining('bad.pem') })
  })
})

describe('client mode over TLS', () => {
  const building = async (name?: string) => {
    const made = await certificates(name)
    const { port } = await mosquitto([`cafile ${made.at('ca.pem')}`, `certfile ${made.at('server.pem')}`, `keyfile ${made.at('server.key')}`])
    const open = (settings: object) => runSession(mqttDriver, mqttConfig(0, [kiosk()], { mode: 'client', url: `mqtts://127.0.0.1:${port}`, ...settings }))
    return { ...made, port, open }
  }
  it('takes from a broker whose authority the site file names', async () => {
    const { at, ca, port, open } = await building()
    const running = await open({ ca: at('ca.pem') })
    const device = await connectDevice(port, 'kiosk', { ca })
    await device.publishAsync('devices/kiosk/state', '{"paper":7}', { qos: 1 })
    await until(() => running.last('kiosk.paper')?.raw === 7)
  })
  it('does not log in where chain or host name are wrong, and says which', async () => {
    const { open } = await building()
    await expect(open({})).rejects.toMatchObject({ code: 'MQTT_TLS', message: expect.stringContaining('set ca:') })
    const other = await building('DNS:other.example')
    await expect(other.open({ ca: other.at('ca.pem') })).rejects.toMatchObject({ code: 'MQTT_TLS', message: expect.stringContaining('another host name') })
    await expect(other.open({ ca: '/no/such/ca.pem' })).rejects.toMatchObject({ code: 'MQTT_TLS', message: expect.stringContaining('/no/such/ca.pem') })
  })
})
