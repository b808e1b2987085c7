import { silentLog, type Logger } from '../../gateway/kit/index.ts'

/** A log whose warnings and errors a test can read. */
export function recordingLog(lines: string[]): Logger {
  const log = silentLog()
  log.warn = log.error = ((_: object, text: string) => { lines.push(text) }) as typeof log.warn
  return Object.assign(log, { child: () => log })
}
