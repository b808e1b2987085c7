import { describe, expect, it } from 'vitest'
import type { GatewayEvent, Reading } from '../../../gateway/contract/index.ts'
import { drain, event, journalIn } from '../../support/journals.ts'
import { tempFolder } from '../../support/resources.ts'

const alert = (n: number): GatewayEvent => event(n, { stream: 'alert', type: 'alert', data: { n, text: 'x'.repeat(200) } })
const reading = (n: number): Reading => ({ pointId: 'a.b', value: n, at: n, receivedAt: n, quality: 'good' })

describe('a reader of the building’s own', () => {
  it('that has read everything costs an uplink that is away no alert, and no telemetry its thinning', async () => {
    const journal = await journalIn(await tempFolder(), { maxBytes: 60_000, readingsPerRecord: 5 })
    const city = await journal.reader('city', { from: 'start' })
    const duty = await journal.reader('notify:duty', { streams: ['alert'] })
    await journal.forget(['city', 'notify:duty'])
    const alerts = 40
    for (let n = 1; n <= alerts; n++) await journal.commit({ events: [alert(n)], urgent: true })
    await drain(duty, 'alert')
    // What the city has not heard presses, whoever else has.
    expect(journal.fill).toBeGreaterThan(0.1)
    for (let n = 0; n < 120; n++) await journal.commit({ readings: Array.from({ length: 20 }, (_, index) => reading(n * 20 + index)) })
    expect(journal.statistics().gaps).toBeGreaterThan(0)
    expect((await drain(city, 'alert')).map(({ seq }) => seq)).toEqual(Array.from({ length: alerts }, (_, index) => index + 1))
  })
})
