import { describe, expect } from 'vitest'
import { event } from '../support/journals.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { realJournal, startUplink } from '../support/uplinks.ts'
import { consumer, itWithConsumer, languages } from './consumers.ts'

for (const language of languages) {
  describe(`the ${language} consumer of docs/platform`, () => {
    itWithConsumer(language)('lets an uplink with confirm: true go on only by its own word', { timeout: 60_000 }, async () => {
      const broker = await mosquitto()
      const { journal, reader } = await realJournal()
      const city = await consumer(language, broker)
      await city.start()
      const { uplink } = startUplink(journal, reader, { url: broker.url, confirm: true })
      const waiting = () => reader.backlog().event!.records
      for (let n = 1; n <= 20; n++) await journal.commit({ events: [event(n)], urgent: true })
      await expect.poll(async () => (await city.stored()).filter(({ topic }) => topic.endsWith('/up/event')).length, { timeout: 15_000 }).toBe(20)
      // The broker has acknowledged, the platform has not said a word.
      expect(uplink.status()).toMatchObject({ state: 'online', rejected: 0 })
      expect(waiting()).toBe(20)
      await city.finish()
      await city.start(['--ack'])
      await journal.commit({ events: [event(21)], urgent: true })
      await expect.poll(waiting, { timeout: 15_000 }).toBe(0)
      expect(await city.finish()).toMatchObject({ holes: [], breaks: [], exitCode: 0 })
    })
  })
}
