import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { ChildProcess } from 'node:child_process'
import { controlClient } from '../../gateway/control/client.ts'
import type { GatewayStatus } from '../../gateway/status.ts'
import { root } from './architecture.ts'
import { child } from './resources.ts'

export const main = path.join(root, 'linli.mjs')
export const devicePassword = 'right horse'

/** A site file in a folder; returns its path. */
export async function siteFile(folder: string, lines: readonly string[]): Promise<string> {
  const file = path.join(folder, 'site.yaml')
  await writeFile(file, [
    'linli: 2', 'site: { id: hall-1, name: { zh: 厅, en: hall }, region: "420106" }', `store: { path: ${folder}/data }`, ...lines, '',
  ].join('\n'))
  return file
}

export const kioskDevice = (id: string): string =>
  `  - { id: ${id}, name: { zh: 终端, en: kiosk }, connection: broker, profile: self-service-terminal, password: { env: LINLI_TEST_PASSWORD } }`

export interface RunningGateway { readonly process: ChildProcess; readonly exited: Promise<number | null>; readonly log: string[]; status(): Promise<GatewayStatus> }

/** `linli run` in a process of its own, as a service would start it. Resolves when its control socket answers. */
export async function runGateway(file: string, cwd = process.cwd(), withinMs = 10_000): Promise<RunningGateway> {
  const started = child(process.execPath, [main, 'run', file], { cwd, env: { ...process.env, LINLI_TEST_PASSWORD: devicePassword } })
  const log: string[] = []
  started.stderr!.on('data', (chunk) => { log.push(String(chunk)); if (log.length > 1_000) log.shift() })
  const exited = new Promise<number | null>((resolve) => started.once('exit', resolve))
  const status = (): Promise<GatewayStatus> => controlClient(path.join(path.dirname(file), 'data/linli.sock')).status()
  const deadline = performance.now() + withinMs
  for (;;) {
    try { await status(); break } catch (error) {
      const ended = started.exitCode ?? started.signalCode
      if (performance.now() > deadline || ended !== null) throw new Error(`the gateway did not start (${ended ?? `${withinMs / 1_000} s went by`}):\n${log.join('')}`, { cause: error })
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  return { process: started, exited, log, status }
}
