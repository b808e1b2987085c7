import { createServer } from 'node:net'
import mqtt from 'mqtt'
import { describe, expect, onTestFinished } from 'vitest'
import { runGateway, siteFile } from '../support/gateways.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { tempFolder } from '../support/resources.ts'
import { itWith } from '../support/tools.ts'
import { base, watch } from '../support/uplinks.ts'

/** A Modbus device that answers reads of coils and is silent when it is written. Counts the writes. */
async function silentDevice(): Promise<{ readonly port: number; writes(): number }> {
  let writes = 0
  const server = createServer((socket) => {
    socket.on('data', (data) => {
      if (data[7] === 5) writes++
      else if (data[7] === 1) socket.write(Buffer.from([data[0]!, data[1]!, 0, 0, 0, 4, data[6]!, 1, 1, 0]))
    })
    socket.on('error', () => {})
    onTestFinished(() => { socket.destroy() })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  onTestFinished(() => { server.close() })
  return { port: (server.address() as { port: number }).port, writes: () => writes }
}

const doorSite = (port: number): readonly string[] => [
  'connections:', `  - { id: line, driver: modbus, host: 127.0.0.1, port: ${port}, timeout: 60s }`,
  'devices:', '  - id: door', '    name: { zh: 门, en: door }', '    connection: line', '    unitId: 1', '    points:',
  '      unlock: { name: { zh: 开, en: unlock }, type: boolean, table: coil, register: 0, poll: 1h, writable: true, cityWrite: true }',
]

describe('kill -9 while a device is written', () => {
  itWith('mosquitto')('is told to the city as an unknown outcome, is not written again, and leaves no hole', async () => {
    const [broker, device] = [await mosquitto(), await silentDevice()]
    const file = await siteFile(await tempFolder(), [
      ...doorSite(device.port), 'uplinks:', `  - { id: city, url: "${broker.url}", commands: { actors: [duty], timeout: 5m } }`,
    ])
    const city = await watch(broker.url)
    const asker = await mqtt.connectAsync(broker.url)
    onTestFinished(() => { asker.end(true) })
    const answers: { readonly state: string; readonly code?: string; readonly repeat?: boolean }[] = []
    asker.on('message', (_topic, payload) => { answers.push(JSON.parse(payload.toString())) })
    await asker.subscribeAsync(`${base}/cmd/res`, { qos: 1 })
    const wish = JSON.stringify({ id: 'c-1', actor: 'duty', issuedat: new Date().toISOString(), point: 'door.unlock', value: true })
    const ask = (): Promise<unknown> => asker.publishAsync(`${base}/cmd/req`, wish, { qos: 1 })

    const first = await runGateway(file)
    await expect.poll(async () => (await first.status()).uplinks[0]!.state, { timeout: 10_000 }).toBe('online')
    await ask()
    await expect.poll(() => answers.map(({ state }) => state), { timeout: 10_000 }).toEqual(['accepted', 'running'])
    await expect.poll(() => device.writes(), { timeout: 10_000 }).toBe(1)
    first.process.kill('SIGKILL')
    await first.exited
    expect(device.writes()).toBe(1)

    const second = await runGateway(file)
    await expect.poll(async () => (await second.status()).uplinks[0]!.state, { timeout: 10_000 }).toBe('online')
    await ask()
    await expect.poll(() => answers.at(-1), { timeout: 10_000 }).toMatchObject({ state: 'failed', code: 'COMMAND_OUTCOME_UNKNOWN', repeat: true })
    const told = (): unknown[] => city.records.filter(({ type }) => type === 'org.linli.command.v1').map(({ data }) => data.code ?? data.state)
    await expect.poll(told, { timeout: 10_000 }).toEqual(['accepted', 'running', 'COMMAND_OUTCOME_UNKNOWN'])
    second.process.kill('SIGTERM')
    expect(await second.exited).toBe(0)
    expect(device.writes()).toBe(1)
    expect(city.verifier.report()).toMatchObject({ holes: [], chainBreaks: [], checkpointFaults: [], invalid: 0 })
  }, 60_000)

  itWith('mosquitto')('is told once, also when the site file lets nobody command any more', async () => {
    const [broker, device, folder] = [await mosquitto(), await silentDevice(), await tempFolder()]
    const site = (more: string): Promise<string> => siteFile(folder, [...doorSite(device.port), 'uplinks:', `  - { id: city, url: "${broker.url}"${more} }`])
    const city = await watch(broker.url)
    const told = (): unknown[] => city.records.filter(({ type }) => type === 'org.linli.command.v1').map(({ data }) => data.code ?? data.state)
    const first = await runGateway(await site(', commands: { actors: [duty], timeout: 5m }'))
    await expect.poll(async () => (await first.status()).uplinks[0]!.state, { timeout: 10_000 }).toBe('online')
    await city.publish(`${base}/cmd/req`, JSON.stringify({ id: 'c-1', actor: 'duty', issuedat: new Date().toISOString(), point: 'door.unlock', value: true }))
    await expect.poll(() => device.writes(), { timeout: 10_000 }).toBe(1)
    await expect.poll(told, { timeout: 10_000 }).toEqual(['accepted', 'running'])
    first.process.kill('SIGKILL')
    await first.exited

    for (let life = 0; life < 2; life++) {
      const next = await runGateway(await site(''))
      await expect.poll(async () => Object.values((await next.status()).uplinks[0]!.backlog).every(({ records }) => records === 0) && (await next.status()).uplinks[0]!.state, { timeout: 10_000 }).toBe('online')
      await expect.poll(told, { timeout: 10_000 }).toEqual(['accepted', 'running', 'COMMAND_OUTCOME_UNKNOWN'])
      next.process.kill('SIGTERM')
      expect(await next.exited).toBe(0)
    }
    expect(told()).toHaveLength(3)
    expect(device.writes()).toBe(1)
    expect(city.verifier.report()).toMatchObject({ holes: [], chainBreaks: [], checkpointFaults: [], invalid: 0 })
  }, 60_000)
})
