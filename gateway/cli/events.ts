import type { GatewayEvent } from '../contract/index.ts'
import { systemClock } from '../kit/index.ts'
import { controlClient } from '../control/client.ts'
import { paint, print, printJson, stopSignal, width } from './output.ts'
import { socketPath, type SocketOptions } from './socket.ts'

export interface EventsCommand extends SocketOptions {
  /** How far back, milliseconds. */
  readonly since: number
  /** Names of event types, with commas between. */
  readonly type?: string
  readonly json?: boolean
}

/** `linli events`: what happened in the building, the oldest first. */
export async function events(options: EventsCommand): Promise<void> {
  const client = controlClient(await socketPath(options))
  const to = systemClock.now() + 1
  const types = options.type?.split(',').map((type) => type.trim()).filter((type) => type !== '') ?? []
  let count = 0
  for await (const event of client.events(to - options.since, to, types, stopSignal())) {
    count++
    if (options.json) printJson(event)
    else print(renderEvent(event))
  }
  if (count === 0 && !options.json) print('nothing happened in this time')
}

const shownFields = 8
const shownText = 60

/** One line: when, what, about whom, and what it says. */
export function renderEvent({ at, type, subject, mode, data }: GatewayEvent): string {
  const title = typeof data.title === 'object' && data.title !== null && 'zh' in data.title && typeof data.title.zh === 'string' ? [data.title.zh] : []
  const fields = Object.entries(data).flatMap(([key, value]) => (key === 'device' || key === 'id' || key === 'key' || (typeof value === 'object' && value !== null) || value === null ? [] : [`${key}=${String(value).slice(0, shownText)}`]))
  const said = [...title, ...fields.slice(0, shownFields)].join('  ')
  const local = new Date(at).toLocaleString('sv-SE')
  // What devices send may hold anything.
  // eslint-disable-next-line no-control-regex
  return `${local}  ${padded(type, 10)}  ${padded(subject ?? '–', 18)}  ${mode ? paint('yellow', `[${mode}] `) : ''}${said}`.replace(/[\u0000-\u001a\u001c-\u001f\u007f-\u009f]/g, ' ')
}

const padded = (text: string, columns: number): string => text + ' '.repeat(Math.max(0, columns - width(text)))
