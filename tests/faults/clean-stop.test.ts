import mqtt from 'mqtt'
import { describe, expect } from 'vitest'
import { countingCity } from '../support/city.ts'
import { devicePassword, kioskDevice, runGateway, siteFile } from '../support/gateways.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { freePort, tempFolder } from '../support/resources.ts'
import { itWith } from '../support/tools.ts'
import { base, watch } from '../support/uplinks.ts'

describe('a clean stop', () => {
  for (const lines of ['', ', confirm: true']) {
    itWith('mosquitto')(`signs all that was written and sends that word up before the uplink lets go${lines ? ', also to a platform that confirms nothing' : ''}`, { timeout: 30_000 }, async () => {
      const broker = await mosquitto()
      const port = await freePort()
      const file = await siteFile(await tempFolder(), [
        `connections: [{ id: broker, driver: mqtt, listen: { port: ${port} } }]`, 'devices:', kioskDevice('kiosk'), `uplinks: [{ id: city, url: "${broker.url}"${lines} }]`,
      ])
      const city = countingCity()
      const watcher = await watch(broker.url, 5, city)
      const gateway = await runGateway(file)
      await expect.poll(async () => (await gateway.status()).uplinks[0]!.state, { timeout: 10_000 }).toBe('online')
      const kiosk = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: 'kiosk', username: 'kiosk', password: devicePassword })
      for (let n = 1; n <= 5; n++) await kiosk.publishAsync('devices/kiosk/session', JSON.stringify({ id: `s-${n}`, n, item: 'card', result: 'done', at: Date.now() }), { qos: 1 })
      // The device going away at the stop is an event of its own, and covered too.
      const began = performance.now()
      gateway.process.kill('SIGTERM')
      expect(await gateway.exited).toBe(0)
      expect(performance.now() - began).toBeLessThan(4_000)
      await kiosk.endAsync(true)
      await expect.poll(() => JSON.parse(watcher.retained.get(`${base}/status`)!).state).toBe('offline')

      const highest = (stream: string): number => Math.max(0, ...city.records.filter((record) => record.stream === stream).map(({ seq }) => seq))
      const checkpoints = city.records.filter(({ type }) => type === 'org.linli.checkpoint.v1')
      expect(checkpoints.length).toBeGreaterThanOrEqual(2)
      const { streams } = checkpoints.at(-1)!.data as { readonly streams: Readonly<Record<string, { readonly seq: number }>> }
      expect(highest('event')).toBeGreaterThan(5)
      for (const stream of ['alert', 'event', 'telemetry']) expect([stream, streams[stream]!.seq]).toEqual([stream, highest(stream)])
      expect(checkpoints.at(-1)!.seq).toBe(highest('ledger'))
      expect(city.verifier.report()).toMatchObject({ holes: [], chainBreaks: [], checkpointFaults: [], invalid: 0, duplicates: 0 })
    })
  }
})
