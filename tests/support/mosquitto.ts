import { existsSync } from 'node:fs'
import { chmod, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { ChildProcess } from 'node:child_process'
import { vi } from 'vitest'
import { findTool } from './tools.ts'
import { child, freePort, listening, tempFolder } from './resources.ts'

export interface Mosquitto {
  readonly url: string
  readonly port: number
  readonly folder: string
  start(): Promise<void>
  /** Writes sessions and retained messages to disk now; needs `persistence true`. */
  save(): Promise<void>
  /** SIGKILL, as a power cut would. */
  kill(): Promise<void>
}

/** An independent broker (MQTT 5 and 3.1.1) on an ephemeral port; `lines` are added to its configuration. */
export async function mosquitto(lines: readonly string[] = [], files: Readonly<Record<string, string>> = {}): Promise<Mosquitto> {
  const folder = await tempFolder()
  // Started as root, mosquitto becomes another user, who writes here.
  await chmod(folder, 0o777)
  const port = await freePort()
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(folder, name), content, { mode: 0o644 })
  const config = path.join(folder, 'mosquitto.conf')
  await writeFile(config, [`listener ${port} 127.0.0.1`, 'allow_anonymous true', ...(lines.some((line) => line.startsWith('max_queued_messages')) ? [] : ['max_queued_messages 0']), ...lines.map((line) => line.replaceAll('{folder}', folder)), ''].join('\n'))
  let running: ChildProcess
  const broker: Mosquitto = {
    url: `mqtt://127.0.0.1:${port}`, port, folder,
    async start() { running = child(findTool('mosquitto')!, ['-c', config]); await listening(port) },
    async save() {
      const file = path.join(folder, 'mosquitto.db')
      await rm(file, { force: true })
      running.kill('SIGUSR1')
      await vi.waitUntil(() => existsSync(file), { timeout: 5_000, interval: 10 })
    },
    async kill() {
      const gone = new Promise((resolve) => running.once('exit', resolve))
      running.kill('SIGKILL')
      await gone
    },
  }
  await broker.start()
  return broker
}
