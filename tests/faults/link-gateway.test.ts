import mqtt from 'mqtt'
import { describe, expect, it, onTestFinished } from 'vitest'
import { event } from '../support/journals.ts'
import { scriptedBroker } from '../support/brokers.ts'
import { countingCity, expectInvariant, upTo } from '../support/city.ts'
import { devicePassword, kioskDevice, runGateway, siteFile } from '../support/gateways.ts'
import { freePort, tempFolder } from '../support/resources.ts'
import { backlogOf, conditions, realJournal, startUplink } from '../support/uplinks.ts'

/** The kiosk's numbers in the `kiosk` events, and the verifier's view; the gateway's own events have numbers of their own in the stream. */
function kioskCity() {
  const city = countingCity()
  const numbers = () => new Set(city.records.filter(({ type }) => type === 'org.linli.kiosk.v1').map(({ data }) => data.n as number))
  return { city, numbers }
}

describe('two uplinks, one dead', () => {
  it('does not hold up the other, keeps what the dead one has not got, and brings it when it lives', { timeout: 30_000 }, async () => {
    const [living, late] = [countingCity(), countingCity()]
    const good = await scriptedBroker({ publish({ topic, payload }, answer) { living.accept(topic, payload); answer() } })
    const deadPort = await freePort()
    const { journal, reader } = await realJournal()
    const property = await journal.reader('property', { from: 'start' })
    const told = conditions()
    startUplink(journal, reader, { url: good.url }, { conditions: told })
    const dead = startUplink(journal, property, { id: 'property', url: `mqtt://127.0.0.1:${deadPort}` }, { conditions: told })
    for (let n = 1; n <= 200; n++) await journal.commit({ events: [event(n)], urgent: true })
    await expect.poll(() => backlogOf(reader), { timeout: 5_000 }).toBe(0)
    expectInvariant(living, 200)
    expect(dead.uplink.status()).toMatchObject({ id: 'property', lastError: 'UPLINK_CONNECT_FAILED', sent: 0 })
    expect(property.backlog().event!.records).toBe(200)
    await scriptedBroker({ publish({ topic, payload }, answer) { late.accept(topic, payload); answer() } }, deadPort)
    await expect.poll(() => backlogOf(property), { timeout: 20_000 }).toBe(0)
    expect([...late.numbers]).toEqual(upTo(200))
    expectInvariant(late, 200)
  })
})

describe('SIGTERM in the middle of a drain', () => {
  it('ends the process at once and cleanly; after the next start the city has everything, in order', { timeout: 60_000 }, async () => {
    const { city, numbers } = kioskCity()
    const port = await freePort()
    const broker = await freePort()
    const file = await siteFile(await tempFolder(), [
      `connections: [{ id: broker, driver: mqtt, messagesPerSecond: 100000, listen: { port: ${broker} } }]`, 'devices:', kioskDevice('kiosk'), `uplinks: [{ id: city, url: "mqtt://127.0.0.1:${port}", window: 10 }]`,
    ])
    const first = await runGateway(file)
    const kiosk = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker}`, { clientId: 'kiosk', username: 'kiosk', password: devicePassword })
    onTestFinished(async () => { await kiosk.endAsync(true) })
    const total = 400
    await Promise.all(upTo(total).map((n) => kiosk.publishAsync('devices/kiosk/session', JSON.stringify({ id: `s-${n}`, n, item: 'card', result: 'done', at: Date.now() }), { qos: 1 })))
    await kiosk.endAsync(true)
    // Slow enough that there is a middle.
    await scriptedBroker({ publish({ topic, payload }, answer) { setTimeout(() => { city.accept(topic, payload); answer() }, topic.includes('/up/') ? 50 : 0) } }, port)
    await expect.poll(() => numbers().size, { timeout: 20_000 }).toBeGreaterThan(20)
    const began = performance.now()
    first.process.kill('SIGTERM')
    expect(await first.exited).toBe(0)
    expect(performance.now() - began).toBeLessThan(3_000)
    const inTheMiddle = numbers().size
    expect(inTheMiddle).toBeLessThan(total)
    const second = await runGateway(file)
    await expect.poll(() => numbers().size, { timeout: 30_000 }).toBe(total)
    second.process.kill('SIGTERM')
    expect(await second.exited).toBe(0)
    expect([...numbers()]).toEqual(upTo(total))
    expect(city.verifier.report()).toMatchObject({ holes: [], chainBreaks: [], invalid: 0 })
  })
})
