import { controlClient } from '../control/client.ts'
import { renderLine, type LogLine } from '../support/logs.ts'
import { paint, print, printJson, stopSignal } from './output.ts'
import { socketPath, type SocketOptions } from './socket.ts'

export interface LogsCommand extends SocketOptions {
  readonly level?: string
  readonly room?: string
  readonly text?: string
  readonly lines?: number
  readonly follow?: boolean
  readonly json?: boolean
}

/** `linli logs`: what the running gateway logged last, without secrets. */
export async function logs({ level, room, text, lines, follow, json, ...where }: LogsCommand): Promise<void> {
  const client = controlClient(await socketPath(where))
  const query = { ...(level === undefined ? {} : { level }), ...(room === undefined ? {} : { room }), ...(text === undefined ? {} : { text }), ...(lines === undefined ? {} : { limit: `${lines}` }) }
  const show = (line: LogLine): void => { if (json) printJson(line); else print(paintLine(line)) }
  if (!follow) {
    const answer = await client.logs(query)
    for (const line of answer.lines) show(line)
    if (answer.lines.length === 0 && !json) print(answer.kept.lines === 0 ? 'nothing was logged since the start' : `none of the ${answer.kept.lines} lines that are kept is of that kind; rooms: ${answer.rooms.join(', ') || '–'}`)
    return
  }
  const signal = stopSignal()
  try {
    for await (const line of client.followLogs(query, signal)) show(line)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

const colours = { fatal: 'red', error: 'red', warn: 'yellow', info: 'reset', debug: 'dim', trace: 'dim' } as const
const paintLine = (line: LogLine): string => paint(colours[line.level], renderLine(line))
