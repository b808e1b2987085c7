import { createEncoder } from '../../cloud-sync/envelope.ts'
import { uplinkSchema } from '../../cloud-sync/schema.ts'
import { createUplink } from '../../cloud-sync/uplink.ts'
import type { Reading } from '../../gateway/contract/index.ts'
import { silentLog, systemClock as clock, systemRandom as random } from '../../gateway/kit/index.ts'
import { openJournal } from '../../gateway/store/index.ts'
import { readingsAt } from './mqtt-house.ts'
import { inFolder, start, stop, until } from './processes.ts'

/** A backlog of packed telemetry, as an outage leaves it, to a city that came back: readings a second until it has them all. */
export function drain(count: number): Promise<number> {
  return inFolder(async (folder) => {
    const encoder = createEncoder({ gateway: 'bench', region: '420106', maxMessageBytes: 65_536, timeQuality: () => 'synced' })
    await using journal = await openJournal({ folder, encoder, clock, random, log: silentLog(), commitMs: 50, maxBytes: 1 << 30 })
    const reader = await journal.reader('city', { from: 'start' })
    for (let from = 0; from < count; from += 10_000) {
      const readings = Array.from({ length: 10_000 }, (_, n): Reading => ({ pointId: `meter-${n % 40}.energy-import`, value: (from + n) / 100, at: 1_767_600_000_000 + from + n, receivedAt: 1_767_600_000_000 + from + n, quality: 'good' }))
      await journal.commit({ readings, urgent: true })
    }
    const city = await start<{ port: number }>('city.ts', [])
    const controller = new AbortController()
    const uplink = createUplink({
      config: uplinkSchema.parse({ id: 'city', url: `mqtt://127.0.0.1:${city.first.port}`, protocol: '3.1.1' }), gateway: 'bench', region: '420106', reader, clock, random, log: silentLog(), version: '0', epoch: journal.epoch,
      maxMessageBytes: 65_536, onCommit: (listener) => journal.onCommit(listener), timeQuality: () => 'synced', model: () => ({ gateway: 'bench', region: '420106', name: { zh: '测', en: 'bench' }, devices: [] }),
      snapshot: () => ({ at: 0, timeQuality: 'synced', heads: journal.heads(), values: [], alerts: [] }),
    })
    const began = performance.now()
    const running = uplink.run(controller.signal)
    await until(async () => await readingsAt(city.process) >= count)
    const seconds = (performance.now() - began) / 1_000
    controller.abort()
    await running
    await stop(city.process)
    return count / seconds
  })
}
