import type { ChannelStatus, ChannelTrial } from '../contract/index.ts'
import { controlClient } from '../control/client.ts'
import { codeOf, ConfigError, readSecret, systemClock } from '../kit/index.ts'
import { paint, print, printJson, stopSignal, table } from './output.ts'
import { socketPath, type SocketOptions } from './socket.ts'

type NotifyOptions = SocketOptions & { readonly json?: boolean }

/** `linli notify`: the ways to people of a running gateway, or of a site file where none runs; and one trial message through one of them. */
export async function notify(action: string, channel: string | undefined, options: NotifyOptions): Promise<void> {
  if (action === 'list' && channel === undefined) return list(options)
  if (action === 'test' && channel !== undefined) return trial(channel, options)
  throw new ConfigError('NOTIFY_USAGE', action === 'test' ? 'name the channel to test; linli notify list shows them' : `"${[action, channel].filter((word) => word !== undefined).join(' ')}" is nothing that can be done with channels; write list, or test CHANNEL`)
}

async function list(options: NotifyOptions): Promise<void> {
  const channels = await controlClient(await socketPath(options)).channels().catch(async (error: unknown) => (await configured(options, error)).map(({ id, kind }) => ({ id, kind, state: 'not running' as const })))
  if (options.json) return printJson(channels)
  if (channels.length === 0) return print('no channels: alerts reach nobody outside the building. Add channels to the site file')
  print(table([['CHANNEL', 'KIND', 'STATE', 'SENT', 'WAITING', 'GIVEN UP', 'LAST ERROR'], ...channels.map((each) => ('sent' in each ? [each.id, each.kind, paintState(each.state), `${each.sent}`, `${each.waiting}`, `${each.undelivered}`, each.lastError ? `${each.lastError} ${each.lastErrorDetail}` : ''] : [each.id, each.kind, each.state, '', '', '', '']))]))
}

async function trial(channel: string, options: NotifyOptions): Promise<void> {
  const outcome = await controlClient(await socketPath(options)).tryChannel(channel).catch((error: unknown) => straight(channel, options, error))
  if (!outcome.ok) process.exitCode = 1
  if (options.json) return printJson(outcome)
  print(outcome.ok ? paint('green', `channel ${channel} took a message marked TEST in ${outcome.ms} ms; see that it has arrived`) : `${paint('red', outcome.code)} ${outcome.detail}`)
}

/** Where no gateway runs, from the site file; another failure is the answer. */
async function straight(channel: string, options: NotifyOptions, error: unknown): Promise<ChannelTrial> {
  const channels = await configured(options, error)
  const [{ tryChannel }, { surroundings }, { readSite }] = await Promise.all([import('../../rules/notify/index.ts'), import('../main/channels.ts'), import('./rooms.ts')])
  return tryChannel(channel, channels, { clock: systemClock, readSecret, around: surroundings(await readSite(options.site!)) }, stopSignal())
}

async function configured({ site }: NotifyOptions, error: unknown) {
  if (codeOf(error) !== 'CONTROL_UNREACHABLE' || !site) throw error
  const { readSite } = await import('./rooms.ts')
  return (await readSite(site)).decisions.channels
}

const paintState = (state: ChannelStatus['state']): string => (state === 'failing' ? paint('red', state) : state === 'waiting' ? paint('yellow', state) : paint('green', state))

/** One line of `linli status`. */
export function channelLine({ id, kind, state, sent, waiting, undelivered, lastError }: ChannelStatus): string {
  return `channel ${id}: ${kind} ${paintState(state)}  sent ${sent}  waiting ${waiting}  given up ${undelivered}${lastError ? `  ${lastError}` : ''}`
}
