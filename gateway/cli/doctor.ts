import { controlClient } from '../control/client.ts'
import { paint, print, printJson, table } from './output.ts'
import { socketPath, type SocketOptions } from './socket.ts'

/** `linli doctor`: what each connection's counters say, and the likely cause of what is wrong with it. */
export async function doctor(options: SocketOptions & { readonly json?: boolean }): Promise<void> {
  const { connections, devices } = await controlClient(await socketPath(options)).status()
  if (options.json) return printJson(connections)
  const sick = devices.filter(({ state }) => state !== 'online')
  for (const { id, driver, state, statistics, devices: each, findings, lastErrorDetail } of connections) {
    print(`${paint('bold', id)}  ${driver}  ${state}${state === 'online' || !lastErrorDetail ? '' : `  ${paint('yellow', lastErrorDetail)}`}`)
    if (Object.keys(statistics).length > 0) print(`  ${Object.entries(statistics).map(([name, value]) => `${name} ${value}`).join('  ')}`)
    const names = [...new Set(Object.values(each).flatMap((counters) => Object.keys(counters)))]
    if (names.length > 0) print(table([['  DEVICE', ...names], ...Object.entries(each).map(([device, counters]) => [`  ${device}`, ...names.map((name) => String(counters[name] ?? ''))])]))
    for (const { code, text } of findings) print(`  ${paint('yellow', `${code}: ${text}`)}`)
    print('')
  }
  for (const { id, state, detail, reason } of sick) print(paint('yellow', `${id}: ${state}  ${detail ?? reason ?? ''}`))
  if (sick.length === 0 && connections.every(({ findings, state }) => findings.length === 0 && state === 'online')) print(paint('green', 'all connections and devices are well'))
  else process.exitCode = 1
}
