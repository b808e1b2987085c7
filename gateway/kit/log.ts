import { createRequire } from 'node:module'
import { pino, type Logger } from 'pino'

export type { Logger } from 'pino'

/** Wherever these keys stand in a log line, their values do not. */
const secretKeys = ['password', 'passphrase', 'secret', 'token', 'key', 'privateKey', 'credential', 'authorization']

/** JSON lines on stderr (stdout belongs to the commands); pretty only on a terminal. */
export function createLog(options: { readonly level?: string; readonly pretty?: boolean } = {}): Logger {
  const settings = {
    level: options.level ?? 'info',
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: secretKeys.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: '[redacted]' },
  }
  if (!(options.pretty ?? process.stderr.isTTY)) return pino(settings, pino.destination({ dest: 2, sync: true }))
  // In-process and lazy: a worker-thread transport costs 20 MB and a second thread.
  const pretty = createRequire(import.meta.url)('pino-pretty') as (options: object) => NodeJS.WritableStream
  return pino(settings, pretty({ colorize: true, destination: 2, sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' }))
}

export const silentLog = (): Logger => pino({ level: 'silent' })
