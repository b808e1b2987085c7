import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import path from 'node:path'
import { describe, expect } from 'vitest'
import { mosquitto } from '../support/mosquitto.ts'
import { tempFolder } from '../support/resources.ts'
import { itWith } from '../support/tools.ts'
import { realJournal, startUplink } from '../support/uplinks.ts'

/** An authority, and a server certificate of it for `name`; as PEM files in a folder that mosquitto may read. */
async function certificates(name: string): Promise<string> {
  const folder = await tempFolder()
  chmodSync(folder, 0o755)
  const openssl = (...args: string[]): void => { execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' }) }
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=test authority', '-keyout', 'ca.key', '-out', 'ca.pem')
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', `/CN=${name}`, '-addext', `subjectAltName=${name}`, '-keyout', 'server.key', '-out', 'server.csr')
  openssl('x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-copy_extensions', 'copy', '-out', 'server.pem')
  for (const file of ['ca.pem', 'server.pem', 'server.key']) chmodSync(path.join(folder, file), 0o644)
  return folder
}

async function broker(name: string) {
  const folder = await certificates(name)
  const running = await mosquitto([`cafile ${folder}/ca.pem`, `certfile ${folder}/server.pem`, `keyfile ${folder}/server.key`])
  return { url: `mqtts://127.0.0.1:${running.port}`, ca: path.join(folder, 'ca.pem') }
}

describe('the uplink over TLS', () => {
  const it = itWith('openssl', 'mosquitto')
  it('delivers to a broker whose authority the site file names', async () => {
    const { url, ca } = await broker('IP:127.0.0.1')
    const { journal, reader } = await realJournal()
    const { uplink } = startUplink(journal, reader, { url, ca })
    await expect.poll(() => uplink.status(), { timeout: 5_000 }).toMatchObject({ state: 'online', protocol: 5 })
    await journal.commit({ events: [{ stream: 'event', type: 'kiosk', at: 0, data: {} }], urgent: true })
    await expect.poll(() => reader.backlog().event!.records).toBe(0)
  })
  it('does not speak to a broker whose certificate it cannot trust', async () => {
    const { url } = await broker('IP:127.0.0.1')
    const { journal, reader } = await realJournal()
    const { uplink } = startUplink(journal, reader, { url })
    await expect.poll(() => uplink.status(), { timeout: 5_000 }).toMatchObject({ lastError: 'UPLINK_TLS', lastErrorDetail: expect.stringContaining('"ca"') })
    expect(uplink.status().sent).toBe(0)
  })
  it('does not speak to a broker with the certificate of another host', async () => {
    const { url, ca } = await broker('DNS:other.example')
    const { journal, reader } = await realJournal()
    const { uplink } = startUplink(journal, reader, { url, ca })
    await expect.poll(() => uplink.status(), { timeout: 5_000 }).toMatchObject({ lastError: 'UPLINK_TLS' })
  })
  it('names the PEM file it cannot read', async () => {
    const { journal, reader } = await realJournal()
    const { uplink } = startUplink(journal, reader, { url: 'mqtts://127.0.0.1:1', ca: '/no/such/ca.pem' })
    await expect.poll(() => uplink.status()).toMatchObject({ lastError: 'UPLINK_TLS', lastErrorDetail: expect.stringContaining('/no/such/ca.pem') })
  })
})
