import { decodeRecord } from '../../cloud-sync/decode.ts'
import { phoneOf } from '../../rules/index.ts'
import { readerName } from '../../rules/notify/names.ts'
import type { Site } from '../cli/rooms.ts'
import type { Receipt } from '../../rules/notify/channel.ts'
import type { RunningChannels } from '../../rules/notify/index.ts'
import { codeOf, describe, DriverError, readSecret } from '../kit/index.ts'
import type { Basics } from './basics.ts'
import type { OpenedDecisions } from './decisions.ts'
import type { Devices } from './devices.ts'
import type { Store } from './store.ts'

export interface ChannelOptions extends Basics {
  readonly store: Store
  readonly decisions: Pick<OpenedDecisions, 'desk' | 'pipeline' | 'conditions'>
  readonly supervisors: Devices['supervisors']
}

/** Readers of the journal that are kept for channels. */
export const channelReaders = (site: Site): readonly string[] => site.decisions.channels.map(({ id }) => readerName(id))

/** Ways to people, loaded where the site has some. Null without a disk: there is nothing to read from, and the sounder needs none of it. */
export async function openMessages({ site, log, clock, random, store: { journal, holding }, decisions: { desk, pipeline, conditions }, supervisors }: ChannelOptions): Promise<RunningChannels | null> {
  const { channels, people } = site.decisions
  if (channels.length === 0 || holding) return null
  const { openChannels } = await import('../../rules/notify/index.ts')
  const messages = log.child({ room: 'notify' })
  const receipts = (lines: readonly Receipt[]): void => {
    const works = lines.map(({ alert, entry }) => desk.note(alert, entry))
    const [events, state] = [works.flatMap((work) => work.events), works.flatMap((work) => work.state)]
    if (events.length > 0 || state.length > 0) pipeline.record(events, state).catch((error: unknown) => messages.error({ code: codeOf(error) }, describe(error)))
  }
  return openChannels(channels, {
    journal, conditions, clock, random, log: messages, readSecret, decode: decodeRecord, receipts, around: surroundings(site), phoneOf: phoneOf(people),
    async publish(connection, topic, payload, signal) {
      const supervisor = supervisors.get(connection)
      if (!supervisor) throw new DriverError('PUBLISH_NO_BUS', `no connection "${connection}" in ${site.file}`)
      await supervisor.publish(topic, payload, signal)
    },
  })
}

/** How messages tell of the building. */
export function surroundings({ site, connections }: Site) {
  const devices = new Map(connections.flatMap((connection) => connection.devices).map((device) => [device.id, device]))
  return { site: site.name, gateway: site.id, timezone: site.timezone, deviceName: (id: string) => devices.get(id)?.name, placeOf: (id: string) => devices.get(id)?.place }
}
