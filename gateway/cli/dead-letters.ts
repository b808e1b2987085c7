import { controlClient } from '../control/client.ts'
import { ConfigError } from '../kit/index.ts'
import { paint, print, printJson, table } from './output.ts'
import { socketPath, type SocketOptions } from './socket.ts'

/** `linli dead-letters`: what an uplink's broker refused for good, and why; sent again as new records, or thrown away. */
export async function deadLetters(action: string, ids: readonly string[], options: SocketOptions & { readonly json?: boolean; readonly all?: boolean }): Promise<void> {
  const client = controlClient(await socketPath(options))
  if (action === 'list') {
    const letters = await client.deadLetters()
    if (options.json) return printJson(letters)
    if (letters.length === 0) return print(paint('green', 'no dead letters: nothing was refused'))
    print(table([['ID', 'AT', 'REASON', 'EVENT'], ...letters.map(({ id, at, reason, event }) => [id, new Date(at).toISOString(), paint('yellow', reason), summary(event)])]))
    return print(`resend them with "linli dead-letters resend ID…" or --all once the cause is mended; each goes out as a new record that names the old`)
  }
  if (action !== 'resend' && action !== 'discard') throw new ConfigError('DEAD_LETTERS_USAGE', `"${action}" is nothing that can be done with dead letters; write list, resend or discard`)
  if (ids.length === 0 && !options.all) throw new ConfigError('DEAD_LETTERS_USAGE', `name the letters to ${action}, or give --all; linli dead-letters lists them`)
  const done = await client.orderDeadLetters(action, options.all ? 'all' : ids)
  if (!options.all && done < ids.length) process.exitCode = 1
  if (options.json) return printJson({ action, done })
  print(`${done} ${action === 'resend' ? 'sent again' : 'discarded'}${!options.all && done < ids.length ? `; ${ids.length - done} were not found` : ''}`)
}

/** Type and subject say enough on a line. */
function summary(event: string): string {
  const found = /"type":"org\.linli\.([a-z-]+)\.v\d+"/.exec(event)?.[1] ?? '?'
  const subject = /"subject":"([^"]{1,60})"/.exec(event)?.[1]
  return subject ? `${found} ${subject}` : found
}
