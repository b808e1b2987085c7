import { readFile } from 'node:fs/promises'
import path from 'node:path'
import mqtt from 'mqtt'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startOpcuaSimulator } from '../../drivers/opcua/simulator.ts'
import type { OpcuaConfig } from '../../drivers/opcua/schema.ts'
import { readSite } from '../../gateway/cli/rooms.ts'
import { systemClock } from '../../gateway/kit/index.ts'
import { controlClient } from '../../gateway/control/client.ts'
import { linli } from '../support/command-line.ts'
import { devicePassword, runGateway, siteFile } from '../support/gateways.ts'
import { freePort, tempFolder } from '../support/resources.ts'

const sensor = (variables: string): string => `  - { id: hall-th, name: { zh: 温湿度, en: climate }, connection: broker, profile: zigbee2mqtt-climate, variables: ${variables}, password: { env: LINLI_TEST_PASSWORD } } # by the door`

describe('linli replace', () => {
  it('of an MQTT device goes through plan and apply of the running gateway: new topics, the same points and history, written down, and its first values shown', async () => {
    const folder = await tempFolder()
    const port = await freePort()
    const file = await siteFile(folder, ['people: [{ id: wang, name: { zh: 王, en: Wang } }]', `connections: [{ id: broker, driver: mqtt, listen: { port: ${port} } }]`, 'devices:', sensor('{ name: "0x01" }')])
    const before = await readFile(file, 'utf8')
    await runGateway(file)
    const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, { username: 'hall-th', password: devicePassword, clientId: 'hall-th', reconnectPeriod: 100, reconnectOnConnackError: true, protocolVersion: 4 })
    client.on('error', () => {})
    onTestFinished(() => { client.end(true) })
    const say = (name: string, temperature: number): void => { client.publish(`zigbee2mqtt/${name}`, JSON.stringify({ temperature, humidity: 50, battery: 90 }), { qos: 0 }) }
    const control = controlClient(path.join(folder, 'data/linli.sock'))
    const temperature = () => control.readings().then((all) => all.find(({ pointId }) => pointId === 'hall-th.temperature')?.value ?? null, () => null)
    const speaking = setInterval(() => { if (client.connected) say('0x01', 20) }, 50)
    await expect.poll(temperature, { timeout: 5_000 }).toBe(20)
    clearInterval(speaking)

    const [wrong, other] = await Promise.all([linli('replace', 'hall-th', file, '--variable', 'nmae=0x02', '--yes'), linli('replace', 'hall-th', file, '--unit', '3', '--yes')])
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringMatching(/REPLACE_USAGE no topic of hall-th has \{nmae\} in it; did you mean "name"/) })
    expect(other).toMatchObject({ code: 1, stderr: expect.stringMatching(/REPLACE_USAGE hall-th is of driver mqtt, which has no --unit N; for it there are --variable NAME=VALUE, --serial NUMBER/) })
    expect(await readFile(file, 'utf8')).toBe(before)

    const speakingAnew = setInterval(() => { if (client.connected) say('0x02', 23.5) }, 50)
    onTestFinished(() => { clearInterval(speakingAnew) })
    const done = await linli('replace', 'hall-th', file, '--variable', 'name=0x02', '--serial', 'B-2', '--old-serial', 'A-1', '--by', 'wang', '--for', '1s', '--yes')
    expect(done).toMatchObject({ code: 0, stdout: expect.stringMatching(/variables\.name: 0x01 → 0x02[\s\S]*in force.*configuration 2[\s\S]*hall-th is replaced.*same points, same history[\s\S]*hall-th\.temperature {2}23\.5/) })
    expect(await readFile(file, 'utf8')).toBe(before.replace('{ name: "0x01" }', '{ name: "0x02" }'))
    expect((await control.changes()).configurations[0]).toMatchObject({ number: 2, outcome: 'confirmed', reason: expect.stringContaining('serial A-1 -> B-2, variables.name 0x01 -> 0x02') })
    expect(JSON.stringify(await control.maintenance())).toContain('hall-th replaced, serial A-1 -> B-2')
    const now = Date.now()
    await expect.poll(async () => JSON.stringify(await control.chart('hall-th.temperature', now - 60_000, now + 60_000, 100)), { timeout: 5_000 }).toMatch(/20[\s\S]*23\.5/)
  })
  it('of an OPC UA device goes over to its new server and root, and shows what that says', async () => {
    const folder = await tempFolder()
    const [old, fresh] = [await freePort(), await freePort()]
    const lines = (port: number, root: string): readonly string[] => [`connections: [{ id: plant, driver: opcua, endpoint: "opc.tcp://127.0.0.1:${port}", security: None }]`, 'devices:',
      `  - { id: boiler, name: { zh: 炉, en: boiler }, connection: plant, root: ${root}, points: { t: { name: { zh: 温, en: t }, type: number, node: "ns=1;s={root}.T" } } } # in the cellar`]
    const [file, there] = [await siteFile(folder, lines(old, 'Boiler1')), await siteFile(await tempFolder(), lines(fresh, 'Boiler2'))]
    for (const [each, value] of [[file, 61], [there, 64]] as const) {
      const server = await startOpcuaSimulator((await readSite(each)).connections[0] as OpcuaConfig, { clock: systemClock, random: () => 0.5 })
      onTestFinished(() => server[Symbol.asyncDispose]())
      server.set('boiler.t', value)
    }
    const gateway = await runGateway(file)
    const control = controlClient(path.join(folder, 'data/linli.sock'))
    const temperature = () => control.readings().then((all) => all.find(({ pointId }) => pointId === 'boiler.t')?.value ?? null, () => null)
    await expect.poll(temperature, { timeout: 20_000 }).toBe(61)
    const done = await linli('replace', 'boiler', file, '--endpoint', `opc.tcp://127.0.0.1:${fresh}`, '--root', 'Boiler2', '--for', '3s', '--yes')
    expect(done).toMatchObject({ code: 0, stdout: expect.stringMatching(/boiler is replaced.*same points, same history[\s\S]*boiler\.t {2}64/) })
    expect(await temperature()).toBe(64)
    // One that does not answer is taken back by itself.
    const back = await linli('replace', 'boiler', file, '--endpoint', `opc.tcp://127.0.0.1:${await freePort()}`, '--for', '5s', '--yes')
    expect(back.code).toBe(1)
    await expect.poll(temperature, { timeout: 20_000 }).toBe(64)
    expect((await gateway.status()).connections).toHaveLength(1)
  })
})
