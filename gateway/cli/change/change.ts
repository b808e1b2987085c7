import { readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { planChange, versionOf } from '../../../firmware-config/apply/index.ts'
import { controlClient } from '../../control/client.ts'
import type { ChangePlan, ChangeView } from '../../contract/index.ts'
import { codeOf, ConfigError, describe, systemClock as clock } from '../../kit/index.ts'
import { paint, print, printJson, stopSignal, table } from '../output.ts'
import { progressBar } from '../progress.ts'
import { readSite } from '../rooms.ts'
import { socketPath, type SocketOptions } from '../socket.ts'
import { configurationRow, planText, stateText } from './words.ts'

export interface ApplyCommand extends SocketOptions { readonly confirm?: number; readonly for: number; readonly reason?: string; readonly acceptLoss?: boolean; readonly overwrite?: boolean; readonly json?: boolean }
type Client = ReturnType<typeof controlClient>

/** `linli plan`: against the running gateway, or against a site file. Exit code 0: nothing changes; 2: something does. */
export async function plan(file: string, site: string | undefined, options: SocketOptions & { readonly json?: boolean }): Promise<void> {
  const text = await textOf(file)
  const client = controlClient(await socketPath({ ...options, ...(site === undefined ? {} : { site }) }))
  const found = await client.orderChange<ChangePlan>({ action: 'plan', text }).catch((error: unknown) => { if (site !== undefined && ['CONTROL_UNREACHABLE', 'CHANGE_UNAVAILABLE'].includes(codeOf(error))) return planAgainst(site, text); throw error })
  if (!found.same) process.exitCode = 2
  if (options.json) return printJson(found)
  print(planText(found))
}

/** Where no gateway runs. */
async function planAgainst(site: string, text: string): Promise<ChangePlan> {
  const [old, now] = [await readSite(site), await readSite(site, { text })]
  return planChange(versionOf(old, await textOf(site)), versionOf(now, text))
}

/** `linli apply`: on trial at once; waits for the end of it, unless somebody has to confirm. */
export async function apply(file: string, options: ApplyCommand): Promise<void> {
  const text = await textOf(file)
  const socket = await socketPath(options)
  const client = controlClient(socket)
  const found = await client.orderChange<ChangePlan>({ action: 'plan', text })
  if (!options.json) print(`${planText(found)}\n`)
  const view = await client.orderChange<ChangeView>({
    action: 'apply', text, by: whoami(), reason: options.reason ?? '', confirm: options.confirm === undefined ? 'health' : 'person', windowMs: options.confirm ?? options.for, acceptLoss: options.acceptLoss === true, overwrite: options.overwrite === true,
  })
  const { number } = view.trial!
  if (options.confirm !== undefined) return options.json ? printJson(view) : print(stateText(view))
  await watched(client, number, options.for, options.json === true)
}

/** Beyond the window: it turns twice, on a slow box. */
const graceMs = 30_000

/** A trial that ends by itself: stays, or is taken back; then the exit code is 1. */
export async function watched(client: Client, number: number, windowMs: number, json: boolean): Promise<void> {
  const signal = stopSignal()
  const bar = progressBar(`configuration ${number} on trial`)
  const until = clock.monotonic() + windowMs + graceMs
  for (;;) {
    // It turns: nobody answers for a moment.
    const view = await client.changes().catch(() => null)
    if (view?.trial) bar.show(1 - view.trial.leftMs / windowMs)
    else if (view) { bar.done(); return ended(view, number, json) }
    else if (clock.monotonic() > until) { bar.done(); throw new ConfigError('CONTROL_UNREACHABLE', `no gateway answers there any more; if control.socket moved with configuration ${number}, ask with linli configurations --socket PATH`) }
    try { await clock.sleep(250, signal) } catch { bar.done(); return print(`the trial goes on without you: linli configurations tells how it ended`) }
  }
}

function ended(view: ChangeView, number: number, json: boolean): void {
  const entry = view.configurations.find((each) => each.number === number)
  const stays = entry?.outcome === 'confirmed'
  if (!stays) process.exitCode = 1
  if (json) return printJson(view)
  print(stays ? `${paint('green', 'in force')}: configuration ${number}; ${entry.note ?? ''}` : `${paint('red', 'taken back')}: configuration ${number}, ${entry?.note ?? 'see the log'}; ${view.inForce} is in force`)
}

export async function confirm(options: SocketOptions & { readonly anyway?: boolean; readonly json?: boolean }): Promise<void> {
  const view = await controlClient(await socketPath(options)).orderChange<ChangeView>({ action: 'confirm', by: whoami(), anyway: options.anyway === true })
  return options.json ? printJson(view) : print(stateText(view))
}

/** `linli rollback [N]`: of a trial at once; otherwise an older configuration, on trial as any other. */
export async function rollback(number: number | undefined, options: SocketOptions & { readonly for: number; readonly reason?: string; readonly json?: boolean }): Promise<void> {
  const client = controlClient(await socketPath(options))
  const view = await client.orderChange<ChangeView>({ action: 'roll-back', by: whoami(), reason: options.reason ?? '', windowMs: options.for, ...(number === undefined ? {} : { number }) })
  if (view.trial) return watched(client, view.trial.number, options.for, options.json === true)
  return options.json ? printJson(view) : print(stateText(view))
}

/** `linli configurations [show N | diff N M]`. */
export async function configurations(words: readonly string[], options: SocketOptions & { readonly json?: boolean }): Promise<void> {
  const client = controlClient(await socketPath(options))
  const [action = 'list', ...rest] = words
  const numbers = rest.map(Number)
  if (action === 'show' && numbers.length === 1) return print((await client.configuration(numbers[0]!)).trimEnd())
  if (action === 'diff' && (numbers.length === 1 || numbers.length === 2)) return difference(client, numbers[0]!, numbers[1], options.json === true)
  if (action !== 'list') throw new ConfigError('CHANGE_USAGE', 'write linli configurations, linli configurations show N, or linli configurations diff N [M]')
  const view = await client.changes()
  if (options.json) return printJson(view)
  print(`${stateText(view)}\n\n${table([['NUMBER', 'AT', 'BY', 'ENDED AS', 'REASON', 'NOTE'], ...view.configurations.map((entry) => configurationRow(entry, view.inForce))])}`)
}

async function difference(client: Client, from: number, to: number | undefined, json: boolean): Promise<void> {
  const { file, inForce } = await client.changes()
  const [old, now] = await Promise.all([client.configuration(from), client.configuration(to ?? inForce)])
  const [before, after] = [await readSite(file, { text: old }), await readSite(file, { text: now })]
  const found = planChange(versionOf(before, old), versionOf(after, now))
  if (!found.same) process.exitCode = 2
  return json ? printJson(found) : print(planText(found))
}

/** Who sits at the keyboard, also behind sudo. */
export const whoami = (): string => process.env.SUDO_USER ?? userInfo().username

async function textOf(file: string): Promise<string> {
  try { return (await readFile(file, 'utf8')).replace(/^\uFEFF/, '') } catch (cause) { throw new ConfigError('CHANGE_USAGE', `cannot read ${file}: ${describe(cause)}`, { cause }) }
}
