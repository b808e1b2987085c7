import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import path from 'node:path'
import { Aedes } from 'aedes'
import { describe, expect, it, onTestFinished } from 'vitest'
import { tryConnection, type TrialStep } from '../../cloud-sync/enrol/trial.ts'
import { uplinkSchema } from '../../cloud-sync/schema.ts'
import { silentLog, systemClock } from '../../gateway/kit/index.ts'
import { linli } from '../support/command-line.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { tempFolder } from '../support/resources.ts'
import { itWith } from '../support/tools.ts'

const own = 'linli/v1/420106/hall-1'
const commands = { actors: ['city-desk'] }

async function tried(url: string, more: object = {}, parts: { readonly publishes?: boolean } = {}): Promise<{ readonly steps: readonly string[]; readonly code: string; readonly message: string }> {
  const steps: string[] = []
  const trial = { config: uplinkSchema.parse({ id: 'city', url, commands, ...more }), gateway: 'hall-1', region: '420106', version: '1', clock: systemClock, log: silentLog(), timeQuality: () => 'unsynced' as const, done: (step: TrialStep, topic: string) => { steps.push(`${step} ${topic}`.trim()) }, ...parts }
  return tryConnection(trial, AbortSignal.timeout(20_000)).then(() => ({ steps, code: 'well', message: '' }), (error: { code: string; message: string }) => ({ steps, code: error.code, message: error.message }))
}

/** Debian's mosquitto brings the plugin along; of its two kinds of access lists only this one judges subscriptions. */
const plugin = ['/usr/lib', '/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/local/lib'].map((folder) => path.join(folder, 'mosquitto_dynamic_security.so')).find((file) => existsSync(file))
const allowed = (acltype: string, topic: string): object => ({ acltype, topic, priority: 0, allow: true })
async function guarded(...acls: readonly object[]): Promise<string> {
  const config = {
    defaultACLAccess: { publishClientSend: false, publishClientReceive: true, subscribe: false, unsubscribe: true }, clients: [], groups: [{ groupname: 'gateways', clients: [], roles: [{ rolename: 'gateway' }] }], anonymousGroup: 'gateways',
    roles: [{ rolename: 'gateway', acls }],
  }
  const broker = await mosquitto([`plugin ${plugin}`, 'plugin_opt_config_file {folder}/security.json'], { 'security.json': JSON.stringify(config) })
  return broker.url
}

describe('the trial after enrolment', () => {
  itWith('mosquitto')('proves connection, receipt and subscription with a broker that has access lists, and says which is refused and what to ask for', async () => {
    const [write, read] = [allowed('publishClientSend', `${own}/#`), allowed('subscribeLiteral', `${own}/cmd/req`)]
    const [whole, mute, deaf] = await Promise.all([guarded(write, read), guarded(read), guarded(write)])
    const all = ['connected', `published ${own}/status`, `subscribed ${own}/cmd/req`]
    const [well, silent, unheard, quiet, more] = await Promise.all([tried(whole), tried(mute), tried(deaf), tried(deaf, { commands: undefined, clientId: 'quiet' }), tried(whole, { confirm: true, clientId: 'more' })])
    expect(well).toMatchObject({ code: 'well', steps: all })
    expect(silent).toMatchObject({ code: 'UPLINK_PUBLISH_REFUSED', steps: ['connected'], message: expect.stringMatching(/refuses what it publishes on linli\/v1\/420106\/hall-1\/status \(0x87\); its access rules must let hall-1 write that topic/) })
    expect(unheard).toMatchObject({ code: 'UPLINK_SUBSCRIBE_REFUSED', steps: all.slice(0, 2), message: expect.stringMatching(/publishes and gets its receipts, and the broker refuses the subscription .* to linli\/v1\/420106\/hall-1\/cmd\/req; .* read that topic/) })
    // One that takes no commands needs none; one that wants the platform's word listens for that as well.
    expect(quiet).toMatchObject({ code: 'well', steps: all.slice(0, 2) })
    expect(more).toMatchObject({ code: 'UPLINK_SUBSCRIBE_REFUSED', steps: all, message: expect.stringContaining('/ack') })

    const site = path.join(await tempFolder(), 'site.yaml')
    await writeFile(site, `linli: 2\nsite: { id: hall-1, name: { zh: 厅, en: hall }, region: "420106" }\nuplinks: [{ id: city, url: "${deaf}", commands: { actors: [city-desk] } }]\n`)
    const told = await linli('enrol', site, '--try')
    expect(JSON.parse((await linli('enrol', site, '--try', '--json')).stdout)).toMatchObject({ ok: false, uplink: 'city', proven: [{ step: 'connected' }, { step: 'published', topic: `${own}/status` }], code: 'UPLINK_SUBSCRIBE_REFUSED' })
    expect(told).toMatchObject({ code: 1, stdout: expect.stringMatching(/lets the gateway in[\s\S]*acknowledged[\s\S]*UPLINK_SUBSCRIBE_REFUSED[\s\S]*try again: linli enrol .* --try/) })
  })
  itWith('mosquitto')('says nothing in the name of a gateway that is online itself, and proves the rest', async () => {
    const url = await guarded(allowed('subscribeLiteral', `${own}/cmd/req`))
    expect(await tried(url, {}, { publishes: false })).toMatchObject({ code: 'well', steps: ['connected', `subscribed ${own}/cmd/req`] })
  })
  it('tells a broker that closes instead of a receipt, and leaves no will that would call the gateway offline', async () => {
    const broker = await Aedes.createBroker({ authorizePublish: (_, __, done) => done(new Error('not yours')) })
    const wills: unknown[] = []
    broker.preConnect = (_, { will }, done) => { wills.push(will ?? null); done(null, true) }
    const server = createServer(broker.handle)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => new Promise((resolve) => broker.close(() => server.close(() => resolve()))))
    expect(await tried(`mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`, { protocol: '3.1.1' })).toMatchObject({ code: 'UPLINK_NO_RECEIPT', steps: ['connected'], message: expect.stringMatching(/closes the connection \(UPLINK_\w+\) when it published on .*\/status; ask its people whether hall-1 may write/) })
    expect(wills).toEqual([null])
  })
})
