import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { inspect } from 'node:util'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { opcuaDriver } from '../../../drivers/opcua/driver.ts'
import type { Intake } from '../../../gateway/contract/index.ts'
import { asyncuaPython, startPeer, type OpcuaPeer, type PeerKind } from '../../peers/opcua.ts'
import { linli } from '../../support/command-line.ts'
import { systemClock } from '../../../gateway/kit/index.ts'
import { Supervisor } from '../../../gateway/supervisor.ts'
import { runSession, testKit } from '../../support/sessions.ts'
import { namespace, opcuaConfig } from './support.ts'

const python = await asyncuaPython()
const kinds: readonly PeerKind[] = python ? ['asyncua', 'node-opcua'] : ['node-opcua']
const never = new AbortController().signal
const password = { file: '' }

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'linli-opcua-'))
  await writeFile(password.file = path.join(folder, 'password'), 'right\n')
  await writeFile(path.join(folder, 'wrong'), 'not-the-pass-word\n')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const pki = (name = 'pki'): { readonly pki: string } => ({ pki: path.join(folder, name) })
const hall = { hall: { points: {
  temperature: {}, level: { filter: { absolute: 5 } }, humidity: { filter: { percent: 5 } }, setpoint: { writable: true }, relay: { type: 'boolean', writable: true }, total: { writable: true },
  count: { writable: true }, giant: {}, label: { type: 'string' }, since: { type: 'string' }, phases: { index: 1 }, slots: { index: 1, writable: true }, locked: { writable: true }, stubborn: { writable: true },
} } }

for (const kind of kinds) {
  describe(`OPC UA against a server of ${kind}`, { timeout: 60_000 }, () => {
    let peer: OpcuaPeer
    beforeAll(async () => { peer = await startPeer(kind, python, {}, await mkdtemp(path.join(folder, 'peer-'))) }, 60_000)
    afterAll(() => peer.stop())
    const open = (devices: Parameters<typeof opcuaConfig>[1] = hall, settings: object = {}) => runSession(opcuaDriver, opcuaConfig(peer.url, devices, { ...pki(), ...settings }))

    it('gives all values at once, in their own types, and no number that is none', async () => {
      const running = await open()
      await expect.poll(() => running.intakes.length).toBeGreaterThan(0)
      const values = Object.fromEntries(running.intakes[0]!.samples.map(({ pointId, raw, reason }) => [pointId.slice(5), raw ?? reason]))
      expect(values).toEqual({
        temperature: 21.5, level: 10, humidity: 40.25, setpoint: 20, relay: true, total: 7, count: -5, giant: 'POINT_PRECISION', label: '大厅', since: '2026-01-05T08:00:00.000Z', phases: 231, slots: 2, locked: 1, stubborn: 1,
      })
      expect(running.state('hall')).toMatchObject({ state: 'online' })
    })

    for (const mode of ['subscribe', 'poll'] as const) {
      it(`(${mode}) keeps quality and source time, and has no value where there is none`, async () => {
        const running = await open({ hall: { points: { temperature: {} } } }, { mode })
        const last = () => running.last('hall.temperature')
        await expect.poll(last).toMatchObject({ quality: 'good' })
        await peer.set('temperature', 22.5, { ago: 5_000 })
        await expect.poll(last).toMatchObject({ raw: 22.5, quality: 'good' })
        const lateBy = Date.now() - last()!.at
        expect(lateBy).toBeGreaterThan(4_900)
        expect(lateBy).toBeLessThan(9_000)
        await peer.set('temperature', 23, { status: 'UncertainLastUsableValue' })
        await expect.poll(last).toMatchObject({ raw: 23, quality: 'uncertain', reason: 'OPCUA_UNCERTAIN_OLD' })
        await peer.set('temperature', null, { status: 'BadSensorFailure' })
        await expect.poll(last).toMatchObject({ raw: null, quality: 'bad', reason: 'OPCUA_BAD_DEVICE' })
        await expect.poll(() => running.state('hall')).toMatchObject({ state: 'degraded', detail: expect.stringContaining('BadSensorFailure') })
        // A clock that is a year behind is not believed.
        await peer.set('temperature', 24, { ago: 365 * 24 * 3_600_000 })
        await expect.poll(last).toMatchObject({ raw: 24, quality: 'good' })
        expect(Math.abs(Date.now() - last()!.at)).toBeLessThan(5_000)
        await expect.poll(() => running.state('hall')).toMatchObject({ state: 'online' })
        await peer.set('temperature', 1, { status: 'BadNotConnected' })
        await expect.poll(last).toMatchObject({ raw: null, reason: 'OPCUA_BAD_NOT_CONNECTED' })
        await expect.poll(() => running.state('hall')).toMatchObject({ state: 'offline' })
        await peer.set('temperature', 21.5)
        await expect.poll(last).toMatchObject({ raw: 21.5 })
        expect(running.session.statistics!()[mode === 'poll' ? 'notifications' : 'polls']).toBe(0)
      })
    }

    it('leaves small changes to the server\'s deadband, or says that the server refuses it', async () => {
      const running = await open({ hall: { points: { level: { filter: { absolute: 5 } }, humidity: { filter: { percent: 5 } } } } })
      await expect.poll(() => Number(running.session.statistics!().notifications)).toBeGreaterThan(1)
      for (const value of [11, 12, 18]) { await peer.set('level', value); await new Promise((resolve) => setTimeout(resolve, 120)) }
      await expect.poll(() => running.last('hall.level')).toMatchObject({ raw: 18 })
      expect(running.intakes.flatMap(({ samples }) => samples).filter(({ pointId }) => pointId === 'hall.level').map(({ raw }) => raw)).toEqual([10, 18])
      await peer.set('level', 10)
      // node-opcua has no EURange for it; asyncua takes any percentage.
      expect(running.session.findings!().map(({ code }) => code)).toEqual(kind === 'node-opcua' ? ['OPCUA_FILTER_REFUSED'] : [])
      await peer.set('humidity', 55)
      await expect.poll(() => running.last('hall.humidity')).toMatchObject({ raw: 55 })
      await peer.set('humidity', 40.25)
    })

    it('writes in the node\'s own type, 0 and false as such, and believes only what it reads back', async () => {
      const config = opcuaConfig(peer.url, { hall: { points: { ...hall.hall.points, absent: { writable: true } } } }, pki())
      const running = await runSession(opcuaDriver, config)
      const write = (name: string, value: number | boolean | string, signal = never): Promise<void> => running.session.write!(config.devices[0]!.points.find(({ id }) => id === `hall.${name}`)!, value, signal)
      await write('relay', false)
      expect(await peer.get('relay')).toBe(false)
      await write('total', 0)
      expect(await peer.get('total')).toBe(0)
      await write('setpoint', 21.1)
      expect(await peer.get('setpoint')).toBeCloseTo(21.1, 5)
      await write('count', -12_345_678_901)
      await expect.poll(() => running.last('hall.count')).toMatchObject({ raw: -12_345_678_901 })
      await expect.poll(() => running.last('hall.relay')).toMatchObject({ raw: false })
      await expect.poll(() => running.last('hall.setpoint')).toMatchObject({ raw: 21.1 })
      // asyncua ignores index ranges: the one element must not become the whole array.
      await write('slots', 9)
      expect(Object.values(await peer.get('slots') as object)).toEqual([1, 9, 3])
      await write('slots', 2)
      await expect(write('total', 1.5)).rejects.toMatchObject({ code: 'POINT_VALUE' })
      await expect(write('total', 3e9)).rejects.toMatchObject({ code: 'POINT_VALUE' })
      await expect(write('relay', 'on')).rejects.toMatchObject({ code: 'POINT_VALUE' })
      await expect(write('locked', 2)).rejects.toMatchObject({ code: 'POINT_NOT_WRITABLE', message: expect.stringContaining('hall.locked') })
      await expect(write('absent', 2)).rejects.toMatchObject({ code: 'OPCUA_BAD_NODE' })
      await expect(write('stubborn', 5)).rejects.toMatchObject({ code: 'WRITE_NOT_CONFIRMED', message: expect.stringContaining('reads back 1') })
      await expect(write('total', 9, AbortSignal.abort(new Error('too late')))).rejects.toMatchObject({ code: 'WRITE_EXPIRED' })
      expect(await peer.get('total')).toBe(0)
      await write('relay', true)
      await write('total', 7)
      await write('setpoint', 20)
      await write('count', -5)
    })

    it('names the nodes a server does not have, and the others go on', async () => {
      const running = await open({ hall: { points: { temperature: {}, nowhere: {}, elsewhere: { node: 'nsu=urn:not:here;s=x' } } }, lift: { root: 'Lift', points: { temperature: { node: `${namespace};s=temperature` } } } })
      await expect.poll(() => running.state('hall')).toMatchObject({ state: 'degraded', reason: 'OPCUA_BAD_NODE', detail: expect.stringContaining('s=nowhere (BadNodeIdUnknown)') })
      expect(running.state('lift')).toMatchObject({ state: 'online' })
      expect(running.last('hall.elsewhere')).toMatchObject({ raw: null, reason: 'OPCUA_BAD_NODE' })
      await peer.set('temperature', 22)
      await expect.poll(() => running.last('hall.temperature')).toMatchObject({ raw: 22 })
      await peer.set('temperature', 21.5)
      expect(running.session.findings!()).toMatchObject([{ code: 'OPCUA_BAD_NODE', deviceId: 'hall', text: expect.stringContaining('s=nowhere') }])
    })

    it('polls a server that refuses subscriptions, and says so', async () => {
      await peer.refuseSubscriptions(true)
      try {
        const running = await open({ hall: { points: { temperature: {} } } })
        await expect.poll(() => Number(running.session.statistics!().polls)).toBeGreaterThan(2)
        await peer.set('temperature', 22)
        await expect.poll(() => running.last('hall.temperature')).toMatchObject({ raw: 22 })
        expect(running.session.findings!()).toMatchObject([{ code: 'OPCUA_POLLING', text: expect.stringContaining('BadTooManySubscriptions') }])
      } finally {
        await peer.refuseSubscriptions(false)
        await peer.set('temperature', 21.5)
      }
    })

    for (const security of ['Basic256Sha256', 'Aes128_Sha256_RsaOaep', 'Aes256_Sha256_RsaPss'] as const) {
      it(`speaks ${security}, signed and encrypted, with a password`, async () => {
        const running = await open({ hall: { points: { temperature: {} } } }, { security, trust: 'first-use', username: 'linli', password })
        await expect.poll(() => running.last('hall.temperature')).toMatchObject({ raw: 21.5 })
        await peer.set('temperature', 22)
        await expect.poll(() => running.last('hall.temperature')).toMatchObject({ raw: 22 })
        await peer.set('temperature', 21.5)
      })
    }

    it('signs without encrypting, and logs in by certificate', async () => {
      const running = await open({ hall: { points: { temperature: {} } } }, {
        security: 'Basic256Sha256', encrypt: false, trust: 'first-use', userCertificate: path.join(folder, 'pki/own/certs/client_certificate.pem'), userKey: path.join(folder, 'pki/own/private/private_key.pem'),
      })
      await expect.poll(() => running.last('hall.temperature')).toMatchObject({ raw: 21.5 })
      await expect(open(hall, { userCertificate: path.join(folder, 'none'), userKey: path.join(folder, 'none') })).rejects.toMatchObject({ code: 'OPCUA_CERTIFICATE' })
    })

    it('finds a node that comes into being later, and watches it', async () => {
      // The 30 s until it looks again are shortened; nothing else of this test waits as long.
      const kit = { ...testKit(), clock: { ...systemClock, after: (ms: number, task: () => void) => systemClock.after(ms >= 30_000 ? 150 : ms, task) } }
      const running = await runSession(opcuaDriver, opcuaConfig(peer.url, { hall: { points: { temperature: {}, later: {} } } }, pki()), kit)
      await expect.poll(() => running.state('hall')).toMatchObject({ state: 'degraded' })
      await peer.add('later', 5)
      await expect.poll(() => running.last('hall.later')).toMatchObject({ raw: 5 })
      await expect.poll(() => running.state('hall')).toMatchObject({ state: 'online' })
      // Time for the watch to be there; until then a change would only be its first value.
      await expect.poll(() => Number(running.session.statistics!().notifications)).toBeGreaterThan(1)
      await peer.set('later', 6)
      await expect.poll(() => running.last('hall.later')).toMatchObject({ raw: 6 })
      expect(running.session.findings!()).toEqual([])
    })

    it('refuses a certificate nobody has trusted, keeps it, and tells what to do; then trusts it by the command line', async () => {
      const settings = { security: 'Basic256Sha256', ...pki(`pki-${kind}`) }
      const error = await open(hall, settings).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'OPCUA_SERVER_UNTRUSTED', message: expect.stringMatching(/thumbprint [0-9a-f]{40}.*trust --pki/) })
      expect(await readdir(path.join(settings.pki, 'rejected'))).toHaveLength(1)
      const trusted = await linli('probe', 'opcua', peer.url, 'trust', '--pki', settings.pki, '--json')
      expect((error as Error).message).toContain((JSON.parse(trusted.stdout) as { thumbprint: string }).thumbprint)
      const running = await open({ hall: { points: { temperature: {} } } }, settings)
      await expect.poll(() => running.last('hall.temperature')).toMatchObject({ raw: 21.5 })
    })

    it('says a wrong password plainly and tells it to nobody', async () => {
      let log = ''
      const kit = { ...testKit(), log: pino({ level: 'trace' }, { write: (line: string) => { log += line } }) }
      for (const security of ['None', 'Basic256Sha256']) {
        const config = opcuaConfig(peer.url, hall, { ...pki(), security, trust: 'first-use', username: 'linli', password: { file: path.join(folder, 'wrong') } })
        const error = await runSession(opcuaDriver, config, kit).catch((thrown: unknown) => thrown)
        expect(error).toMatchObject({ code: 'OPCUA_LOGIN_REFUSED', message: expect.stringContaining('linli') })
        // As text, as the numbers of a printed buffer, and in hex.
        const everything = `${inspect(error, { depth: 12, showHidden: true })}${log}`
        for (const form of ['not-the-pass-word', '110, 111, 116', '110,111,116', '6e6f742d', '6e 6f 74 2d']) expect(everything).not.toContain(form)
      }
      await expect.poll(async () => (await peer.sessions()).living).toBe(0)
    })

    it('browses and reads from the command line', async () => {
      const tree = JSON.parse((await linli('probe', 'opcua', peer.url, 'browse', '--json', '--pki', pki().pki)).stdout) as { nodes: { name: string; node: string; dataType?: string; value?: unknown; writable?: boolean }[] }
      const relay = tree.nodes.find(({ name }) => name === 'relay')
      expect(relay).toMatchObject({ dataType: 'Boolean', value: true, writable: true })
      const read = await linli('probe', 'opcua', peer.url, 'read', relay!.node, `${namespace};s=phases`, '--json', '--pki', pki().pki)
      expect(JSON.parse(read.stdout)).toMatchObject([{ value: true, quality: 'good' }, { value: [230, 231, 232], dataType: 'Double[]' }])
    })

    it('notices within two time-outs that a server has gone silent, and closes without waiting for it', async () => {
      const running = await open({ hall: { points: { temperature: {} } } }, { keepAlive: '300ms', timeout: '300ms', sessionTimeout: '1s' })
      await expect.poll(() => running.last('hall.temperature')).toMatchObject({ raw: 21.5 })
      peer.process.kill('SIGSTOP')
      const stopped = performance.now()
      try {
        expect(await running.ended).toMatchObject({ code: 'OPCUA_SILENT' })
        expect(performance.now() - stopped).toBeLessThan(2_000)
        await running.stop()
        expect(performance.now() - stopped).toBeLessThan(4_000)
      } finally { peer.process.kill('SIGCONT') }
      // What the silent server kept of it ends by itself; asyncua takes at least 5 s.
      if (kind === 'node-opcua') await expect.poll(async () => (await peer.sessions()).living, { timeout: 10_000 }).toBe(0)
    })

    it('telegraf 18787: a server that restarts again and again sees one session a life, and namespaces may be renumbered', async () => {
      const config = opcuaConfig(peer.url, { hall: { points: { temperature: {} } } }, pki())
      const intakes: Intake[] = []
      const kit = testKit()
      const supervisor = new Supervisor({
        config, kit, clock: kit.clock, random: () => 0, log: kit.log, entry: { name: 'opcua', load: async () => opcuaDriver }, accept: (_id, intake) => { intakes.push(intake) },
      })
      const stop = new AbortController()
      const running = supervisor.run(stop.signal)
      const last = () => intakes.flatMap(({ samples }) => samples).at(-1)
      try {
        await expect.poll(last, { timeout: 5_000 }).toMatchObject({ raw: 21.5 })
        for (const fillers of kind === 'asyncua' ? [2, 1] : [1]) {
          await peer.kill()
          await expect.poll(last, { timeout: 5_000 }).toMatchObject({ raw: null, quality: 'bad', reason: expect.stringMatching(/^OPCUA_(CLOSED|CONNECT_FAILED)$/) })
          await peer.restart({ fillers })
          await expect.poll(last, { timeout: 10_000 }).toMatchObject({ raw: 21.5, quality: 'good' })
          // Time for a second session, were anything else to repair the first.
          await new Promise((resolve) => setTimeout(resolve, 300))
          expect(await peer.sessions()).toEqual({ opened: 1, living: 1 })
        }
      } finally {
        stop.abort()
        await running
      }
      await expect.poll(() => peer.sessions()).toEqual({ opened: 1, living: 0 })
      await peer.kill()
      await expect(open()).rejects.toMatchObject({ code: 'OPCUA_CONNECT_FAILED', message: expect.stringContaining('ECONNREFUSED') })
    })
  })
}

it('an OPC UA library is not loaded by the registry and the schemas', () => {
  const loaded = ['drivers/registry.ts', 'drivers/schemas.ts'].map((file) => `await import(${JSON.stringify(path.resolve(file))})`).join('; ')
  const script = `import { registerHooks } from 'node:module'; const seen = []; registerHooks({ resolve(specifier, context, next) { seen.push(specifier); return next(specifier, context) } }); ${loaded}; console.log(JSON.stringify(seen))`
  const seen = JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })) as string[]
  expect(seen).toContain('./opcua/schema.ts')
  expect(seen.filter((specifier) => specifier.includes('node-opcua'))).toEqual([])
})
