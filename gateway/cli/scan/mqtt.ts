import { Announcements } from '../../../drivers/mqtt/announcements.ts'
import { Recogniser } from '../../../drivers/mqtt/recognise.ts'
import { DriverError, systemClock as clock } from '../../kit/index.ts'
import { aborted, paint, print, printJson, stopAfter, stopSignal, table } from '../output.ts'
import { connect, mqttProfiles, siteLine, type MqttProbeOptions } from '../probe/mqtt.ts'
import { progressBar } from '../progress.ts'

export interface MqttScanOptions extends MqttProbeOptions { readonly for: number }

/** Nobody reads a longer list; the rest is counted. */
const mostTopics = 200
const shownTopics = 40
const tickMs = 250

/** `linli scan mqtt`: listens to a broker; devices that announce themselves, devices that a profile would read, and topics that neither explains. Publishes nothing. */
export async function scanMqtt(target: string, options: MqttScanOptions): Promise<void> {
  const signal = stopSignal()
  const [announced, recogniser] = [new Announcements(), new Recogniser(await mqttProfiles())]
  const topics = new Map<string, number>()
  let beyond = 0
  const { client, url } = await connect(target, options)
  try {
    client.on('message', (topic, payload) => {
      announced.hear(topic, payload)
      recogniser.hear(topic, payload)
      if (topics.has(topic)) topics.set(topic, topics.get(topic)! + 1)
      else if (topics.size < mostTopics) topics.set(topic, 1)
      else beyond++
    })
    const granted = await client.subscribeAsync('#', { qos: 0 }).catch(() => [])
    if (granted.length === 0 || granted.some(({ qos }) => Number(qos) === 128)) throw new DriverError('MQTT_SUBSCRIBE_REFUSED', `${url} refuses a subscription to #; log in as a user who may read everything`)
    const lost = new Promise<'lost'>((resolve) => { client.once('close', () => resolve('lost')) })
    const bar = progressBar('scan')
    const began = clock.monotonic()
    let cancel = (): void => {}
    const tick = (): void => { bar.show((clock.monotonic() - began) / options.for); cancel = clock.after(tickMs, tick) }
    tick()
    const ended = await Promise.race([aborted(stopAfter(signal, options.for)), lost]).finally(() => { cancel(); bar.done() })
    tell({ announced, recogniser, topics, beyond }, options)
    if (ended === 'lost') throw new DriverError('MQTT_CLOSED', `${url} closed the connection`)
  } finally {
    await client.endAsync(true)
  }
}

interface HeardThere { readonly announced: Announcements; readonly recogniser: Recogniser; readonly topics: ReadonlyMap<string, number>; readonly beyond: number }

function tell({ announced, recogniser, topics, beyond }: HeardThere, { json }: MqttScanOptions): void {
  const suggestions = recogniser.suggestions()
  const explained = suggestions.flatMap(({ variables }) => Object.values(variables))
  const unmapped = [...topics].filter(([topic]) => !explained.some((name) => topic.split('/').includes(name))).map(([topic, count]) => ({ topic, count }))
  if (json) return printJson({ announced: announced.all(), suggestions, unmapped, moreTopics: beyond })
  if (topics.size === 0) return print(paint('yellow', 'nothing was heard; listen longer with --for 5m, and see that the devices publish to this broker'))
  if (announced.all().length > 0) print(`${paint('bold', 'announced themselves')}\n${table([['KIND', 'ID', 'NAME', 'MAKER', 'MODEL'], ...announced.all().map(({ kind, id, name, maker, model }) => [kind, id, name, maker, model])])}\n`)
  if (suggestions.length > 0) print(`${paint('bold', 'looks like')}\n${table(suggestions.map(({ profile, variables, seen, total }) => [profile, `${seen} of ${total} points seen`, siteLine(profile, variables)]))}\n`)
  if (unmapped.length > 0) print(`${paint('bold', 'topics that no profile explains')}\n${table(unmapped.slice(0, shownTopics).map(({ topic, count }) => [plain(topic), String(count)]))}${unmapped.length > shownTopics || beyond > 0 ? `\nand ${unmapped.length - Math.min(shownTopics, unmapped.length) + beyond} more; linli probe mqtt … watch shows all` : ''}`)
}

// eslint-disable-next-line no-control-regex
const plain = (topic: string): string => topic.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?')
