import { controlClient } from '../control/client.ts'
import type { FeedItem } from '../feed.ts'
import { paint, print, printJson, stopAfter, stopSignal } from './output.ts'
import { socketPath, type SocketOptions } from './socket.ts'

export async function tail(options: SocketOptions & { readonly json?: boolean; readonly for?: number }): Promise<void> {
  const stop = stopSignal()
  const signal = stopAfter(stop, options.for)
  try {
    for await (const item of controlClient(await socketPath(options)).tail(signal)) {
      if (options.json) printJson(item)
      else print(renderItem(item))
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** One line a reading or event. */
export function renderItem(item: FeedItem): string {
  if (item.kind === 'reading') {
    const { pointId, value, quality, reason, at } = item.reading
    const text = `${time(at)}  ${pointId}  ${value === null ? '–' : String(value)}`
    return quality === 'good' ? text : `${text}  ${paint('yellow', `${quality} ${reason ?? ''}`)}`
  }
  const { type, subject, data, at, stream } = item.event
  return paint(stream === 'alert' ? 'red' : 'cyan', `${time(at)}  ${type} ${subject ?? ''} ${JSON.stringify(data)}`)
}

const time = (at: number): string => new Date(at).toLocaleTimeString('sv-SE', { hour12: false })
