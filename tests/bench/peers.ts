import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import path from 'node:path'
import { findTool } from '../support/tools.ts'
import { freePort, until } from './processes.ts'

export const redFolder = path.join(import.meta.dirname, 'peers/node-red')

/** Node-RED from its own lockfile; installed on first use. Throws where that cannot be done. */
export function installNodeRed(): void {
  if (existsSync(path.join(redFolder, 'node_modules/.package-lock.json'))) return
  process.stderr.write('bench: installing Node-RED for the comparison …\n')
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: redFolder, stdio: ['ignore', 2, 2] })
}

/** False, said aloud, where one is missing: the other figures are worth having without it. */
export function peersAreHere(...peers: readonly ('mosquitto' | 'node-red')[]): boolean {
  const missing = peers.includes('mosquitto') && !findTool('mosquitto') ? ['mosquitto (apt-get install mosquitto)'] : []
  if (peers.includes('node-red')) try { installNodeRed() } catch { missing.push('Node-RED (npm ci in tests/bench/peers/node-red)') }
  if (missing.length > 0) process.stderr.write(`bench: NOT COMPARED: there is no ${missing.join(' and no ')}; the ratios are missing below\n`)
  return missing.length === 0
}

export interface Mosquitto { readonly process: ChildProcess; readonly port: number }

/** Queues without a limit, so that it loses nothing, and a window as wide as ours; nothing goes to its disk. `lines` are added to its configuration. */
export async function startMosquitto(folder: string, lines: readonly string[] = [], port?: number): Promise<Mosquitto> {
  const own = port ?? await freePort()
  const config = path.join(folder, `mosquitto-${own}.conf`)
  writeFileSync(config, [`listener ${own} 127.0.0.1`, 'allow_anonymous true', 'persistence false', 'max_queued_messages 0', 'max_queued_bytes 0', 'max_inflight_messages 100', 'set_tcp_nodelay true', 'log_dest none', ...lines, ''].join('\n'))
  const running = spawn(findTool('mosquitto')!, ['-c', config], { stdio: ['ignore', 'ignore', 'inherit'] })
  const end = (): void => { running.kill('SIGKILL') }
  process.once('exit', end)
  running.once('exit', () => process.off('exit', end))
  await until(() => new Promise<boolean>((resolve) => { const socket = connect(own, '127.0.0.1'); socket.once('connect', () => { socket.destroy(); resolve(true) }).once('error', () => resolve(false)) }), 10_000)
  return { process: running, port: own }
}
