import mqtt from 'mqtt'
import { describe, expect, it, onTestFinished } from 'vitest'
import { linli } from '../support/command-line.ts'
import { runGateway, siteFile } from '../support/gateways.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { tempFolder } from '../support/resources.ts'

describe('linli enrol --try', () => {
  it('beside a running gateway leaves its status alone, and counts what it has acknowledged already', async () => {
    const broker = await mosquitto()
    const file = await siteFile(await tempFolder(), ['connections: []', `uplinks: [{ id: city, url: "${broker.url}", confirm: true }]`])
    const gateway = await runGateway(file)
    await expect.poll(async () => (await gateway.status()).uplinks[0]?.acked ?? 0, { timeout: 10_000 }).toBeGreaterThan(0)
    const city = mqtt.connect(broker.url)
    onTestFinished(() => { city.end(true) })
    const states: string[] = []
    city.on('message', (_, payload) => { states.push((JSON.parse(String(payload)) as { state: string }).state) })
    await city.subscribeAsync('linli/v1/420106/hall-1/status')
    const tried = await linli('enrol', file, '--try', '--json')
    expect(JSON.parse(tried.stdout)).toMatchObject({ ok: true, proven: [{ step: 'connected' }, { step: 'published', acked: expect.any(Number) }, { step: 'subscribed' }] })
    // What the broker had for the city before this is there now.
    await city.publishAsync('linli/v1/420106/hall-1/status', JSON.stringify({ state: 'last' }), { qos: 1 })
    await expect.poll(() => states, { timeout: 5_000 }).toContain('last')
    expect(states).toEqual(['online', 'last'])
  })
})
