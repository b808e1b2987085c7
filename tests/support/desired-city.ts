import { createPrivateKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import mqtt, { type MqttClient } from 'mqtt'
import { expect, onTestFinished } from 'vitest'
import { desiredText, type DesiredMessage, type Unsigned } from '../../cloud-sync/desired/message.ts'
import { readReported, type Reported } from '../../cloud-sync/desired/reported.ts'
import { seal } from '../../cloud-sync/desired/sealing.ts'
import { controlClient } from '../../gateway/control/client.ts'
import { runGateway, siteFile, type RunningGateway } from './gateways.ts'
import { linli } from './command-line.ts'
import { mosquitto, type Mosquitto } from './mosquitto.ts'
import { tempFolder } from './resources.ts'

/** A message of the platform's with whatever is to be wrong with it. `after`: changed once it was signed. */
export async function desiredMessage(key: KeyObject, recipient: string, content: unknown, fields: Partial<Unsigned> = {}, after: Partial<DesiredMessage> = {}): Promise<DesiredMessage> {
  const sealed = Buffer.from(await seal(Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)), recipient)).toString('base64')
  const unsigned: Unsigned = { gateway: 'hall-1', version: 1, issuedAt: '2026-01-05T08:00:00Z', actor: 'platform', reason: 'a test', sealed, ...fields }
  return { desired: 1, ...unsigned, signature: sign(null, Buffer.from(desiredText(unsigned)), key).toString('base64'), ...after }
}

export const newKey = (): KeyObject => generateKeyPairSync('ed25519').privateKey

/** mosquitto, a platform with a key of its own, and a gateway process that trusts it. */
export interface DesiredCity {
  readonly folder: string
  readonly file: string
  /** The site file as it was written first. */
  readonly text: string
  readonly broker: Mosquitto
  readonly control: ReturnType<typeof controlClient>
  gateway: RunningGateway
  /** Every message that the broker passed on. */
  readonly heard: { readonly topic: string; readonly payload: string }[]
  /** The last that was reported; its signature is checked. Throws where there is none. */
  reported(): Reported
  /** Publishes retained; returns what was sent. */
  wish(text: string, version: number, more?: { readonly secrets?: Readonly<Record<string, string>>; readonly fields?: Partial<Unsigned> }): Promise<string>
  /** The same by the command line, from files alone. */
  wishByCommand(text: string, version: number, options?: readonly string[]): Promise<string>
  publish(payload: string): Promise<void>
  until(state: NonNullable<Reported['desired']>['state'], version: number, timeoutMs?: number): Promise<Reported>
  restart(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>
}

export async function desiredCity({ windowMs = 2_000, protocol = '5' as '5' | '3.1.1' } = {}): Promise<DesiredCity> {
  const folder = await tempFolder()
  const broker = await mosquitto(['max_packet_size 1048576'])
  const key = path.join(folder, 'platform.pem')
  const { publicKey } = JSON.parse((await linli('desired', 'key', key, '--json')).stdout) as { publicKey: string }
  const file = await siteFile(folder, [
    'log: { level: debug }', `uplinks: [{ id: city, url: "${broker.url}", protocol: "${protocol}", configuration: { window: ${windowMs}ms, keys: [{ actor: platform, publicKey: "${publicKey}" }] } }]`,
  ])
  const heard: DesiredCity['heard'] = []
  const client: MqttClient = mqtt.connect(broker.url, { protocolVersion: 5, clientId: 'platform', clean: false, reconnectPeriod: 100, properties: { sessionExpiryInterval: 600 } })
  client.on('error', () => {})
  onTestFinished(() => { client.end(true) })
  client.on('message', (topic, payload) => { heard.push({ topic, payload: payload.toString() }) })
  await client.subscribeAsync('#', { qos: 1 })
  const base = 'linli/v1/420106/hall-1/config'
  const boxKey = (): string => (JSON.parse(heard.findLast(({ topic }) => topic === 'linli/v1/420106/hall-1/model')!.payload) as { publicKey: string }).publicKey
  const heardOf = (): Promise<void> => expect.poll(() => { try { return city.reported().gateway } catch { return null } }, { timeout: 10_000, interval: 20 }).toBe('hall-1')
  const city: DesiredCity = {
    folder, file, text: await readFile(file, 'utf8'), broker, heard, control: controlClient(path.join(folder, 'data/linli.sock')), gateway: await runGateway(file),
    reported: () => readReported(heard.findLast(({ topic }) => topic === `${base}/reported`)!.payload, boxKey()),
    publish: async (payload) => { await client.publishAsync(`${base}/desired`, payload, { qos: 1, retain: true }) },
    async wish(text, version, { secrets, fields } = {}) {
      await heardOf()
      const message = JSON.stringify(await desiredMessage(await keyFrom(key), city.reported().recipient, { site: text, ...(secrets ? { secrets } : {}) }, { version, ...fields }))
      await city.publish(message)
      return message
    },
    async wishByCommand(text, version, options = []) {
      await heardOf()
      const next = path.join(folder, 'wished.yaml')
      await writeFile(next, text)
      await writeFile(path.join(folder, 'reported.json'), JSON.stringify(city.reported()))
      const sealed = await linli('desired', 'seal', next, '--as-version', String(version), '--key', key, '--reason', 'the city says so', '--reported', path.join(folder, 'reported.json'), '--box-key', boxKey(), ...options)
      expect(sealed).toMatchObject({ code: 0 })
      await city.publish(sealed.stdout.trim())
      return sealed.stdout.trim()
    },
    async until(state, version, timeoutMs = 15_000) {
      await expect.poll(() => { try { const { desired } = city.reported(); return `${desired?.version} ${desired?.state}` } catch { return null } }, { timeout: timeoutMs, interval: 20 }).toBe(`${version} ${state}`)
      return city.reported()
    },
    async restart(signal = 'SIGKILL') {
      city.gateway.process.kill(signal)
      await city.gateway.exited
      city.gateway = await runGateway(file)
    },
  }
  return city
}

const keyFrom = async (file: string): Promise<KeyObject> => createPrivateKey(await readFile(file, 'utf8'))
