import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../gateway/kit/index.ts'
import { scriptedBroker } from '../support/brokers.ts'
import { countingCity, expectInvariant, upTo } from '../support/city.ts'
import { runUntil } from '../support/clocks.ts'
import { event } from '../support/journals.ts'
import { reading } from '../support/points.ts'
import { freePort } from '../support/resources.ts'
import { backlogOf, conditions, realJournal, startUplink } from '../support/uplinks.ts'

describe('the city\'s broker is down, and five times as much comes in as the quota holds', () => {
  for (const hours of [1, 24]) {
    it(`for ${hours} h: what was kept arrives in order, what was dropped is declared, alerts are all there`, { timeout: 60_000 }, async () => {
      const clock = new FakeClock()
      const maxBytes = 400_000
      const port = await freePort()
      const { journal, reader } = await realJournal({ clock, maxBytes })
      const told = conditions()
      const { uplink, stop } = startUplink(journal, reader, { url: `mqtt://127.0.0.1:${port}` }, { clock, conditions: told })
      const steps = 120
      let events = 0
      let alerts = 0
      for (let step = 0; step < steps; step++) {
        const some = upTo(12).map(() => event(++events, { at: clock.now(), data: { n: events, text: randomBytes(900).toString('base64') } }))
        await journal.commit({ events: some, readings: [reading('hall.t', step, clock.now())], urgent: true })
        if (step % 10 === 0) await journal.commit({ events: [event(++alerts, { stream: 'alert', type: 'alert' })], urgent: true })
        await clock.advance(hours * 3_600_000 / steps)
      }
      expect(uplink.status()).toMatchObject({ lastError: 'UPLINK_CONNECT_FAILED', sent: 0 })
      expect(told.raised.get('uplink/city/offline')).toMatchObject({ severity: 3, data: { code: 'UPLINK_CONNECT_FAILED' } })

      const city = countingCity()
      await scriptedBroker({ publish(packet, answer) { city.accept(packet.topic, packet.payload); answer() } }, port)
      await runUntil(clock, () => backlogOf(reader) === 0)
      expect(told.raised.has('uplink/city/offline')).toBe(false)
      expect(city.lost.size).toBeGreaterThan(events / 2)
      expect(city.numbers.size).toBeGreaterThan(events / 20)
      expect([...city.numbers]).toEqual([...city.numbers].toSorted((a, b) => a - b))
      expect(city.records.filter(({ stream }) => stream === 'alert')).toHaveLength(alerts)
      expectInvariant(city, events)
      let stopped = false
      void stop().then(() => { stopped = true })
      await runUntil(clock, () => stopped)
    })
  }
})
