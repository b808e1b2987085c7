import { createRequire } from 'node:module'
import { pino, type Logger } from 'pino'

export type { Logger } from 'pino'

/** Wherever these keys stand in a log line, their values do not. */
const secretKeys = ['password', 'passphrase', 'secret', 'token', 'key', 'privateKey', 'credential', 'authorization']

/** User and password of an address, whoever wrote it into a message. */
const withUser = /(:\/\/)(?:[^\s"'<>/?#:@]+:(?!\d{1,5}(?:\/|$))[^\s"'<>]*@|[^\s"'<>/?#]*@)/g
const cleaned = (line: string): string => (line.includes('@') && line.includes('://') ? line.replace(withUser, '$1[redacted]@') : line)

/** JSON lines on stderr (stdout belongs to the commands); pretty only on a terminal. `ring`: the last ones are kept there too. */
export function createLog(options: { readonly level?: string; readonly pretty?: boolean; readonly ring?: { write(line: string): void } } = {}): Logger {
  const { level = 'info', pretty: asked, ring } = options
  const settings = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: secretKeys.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: '[redacted]' },
  }
  const out = (asked ?? process.stderr.isTTY) ? prettyOut() : pino.destination({ dest: 2, sync: true })
  return pino(settings, { write(line: string) { const kept = cleaned(line); ring?.write(kept); out.write(kept) } })
}

/** In-process and lazy: a worker-thread transport costs 20 MB and a second thread. */
function prettyOut(): { write(line: string): unknown } {
  const pretty = createRequire(import.meta.url)('pino-pretty') as (options: object) => NodeJS.WritableStream
  return pretty({ colorize: true, destination: 2, sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' })
}

export const silentLog = (): Logger => pino({ level: 'silent' })
