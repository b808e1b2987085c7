import { streams } from '../../gateway/contract/index.ts'
import { messageNames, messageTypes } from './messages.ts'
import { recordNames, recordTypes, type RecordName } from './records.ts'

const prefix = 'linli/v1/{region}/{gateway}'
const parameters = {
  region: { description: 'six digits, GB/T 2260', examples: ['420106'] },
  gateway: { description: 'site.id of the site file', examples: ['wuchang-center'] },
}
const streamTitles = { alert: 'Alerts', event: 'Doors, terminals, calls, ratings, devices, commands', ledger: 'Gaps, epochs, signed checkpoints', telemetry: 'Readings' } as const

const idOf = (topic: string): string => topic.replace('/', '-')
const qos = (retain: boolean) => ({ mqtt: { qos: 1, retain, bindingVersion: '0.2.0' } })
const message = (name: string, title: string, record: boolean) => ({
  name, title, contentType: record ? 'application/cloudevents+json' : 'application/json', payload: { $ref: `./schemas/${name}.json` },
})

/** The AsyncAPI 3.0.0 document of all topics, from the gateway's side: it sends `up/…`, it receives `cmd/req` and `ack`. */
export function asyncApi(version: string): object {
  const recordsOf = (stream: string): readonly RecordName[] => recordNames.filter((name) => recordTypes[name].stream === stream)
  const up = streams.map((stream) => ({ id: `up-${stream}`, topic: `up/${stream}`, title: streamTitles[stream], retained: false, from: 'gateway', messages: recordsOf(stream) as readonly string[] }))
  const others = messageNames.map((name) => ({ id: idOf(messageTypes[name].topic), ...messageTypes[name], messages: [name] as readonly string[] }))
  const all = [...up, ...others]
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Linli gateway to city platform', version,
      description: 'Generated from cloud-sync/contract-docs by scripts/platform-docs.ts; do not edit. The prefix linli/v1 is configurable. Records may be zstd frames: the first byte tells ({ or 0x28).',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    servers: { city: { host: 'broker.example:8883', protocol: 'secure-mqtt', protocolVersion: '5', description: "the city's broker; MQTT 3.1.1 where it speaks nothing else" } },
    channels: Object.fromEntries(all.map(({ id, topic, title, messages }) => [id, {
      address: `${prefix}/${topic}`, title, parameters,
      messages: Object.fromEntries(messages.map((name) => [name, { $ref: `#/components/messages/${name}` }])),
    }])),
    operations: Object.fromEntries(all.map(({ id, title, from, retained, messages }) => [id, {
      action: from === 'gateway' ? 'send' : 'receive', title, channel: { $ref: `#/channels/${id}` }, bindings: qos(retained),
      messages: messages.map((name) => ({ $ref: `#/channels/${id}/messages/${name}` })),
    }])),
    components: {
      messages: Object.fromEntries([
        ...recordNames.map((name) => [name, message(name, recordTypes[name].title, true)]),
        ...messageNames.map((name) => [name, message(name, messageTypes[name].title, false)]),
      ]),
    },
  }
}
