import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, symlink } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import path from 'node:path'
import type { ChildProcess } from 'node:child_process'
import { it, onTestFinished } from 'vitest'
import mqtt, { type MqttClient } from 'mqtt'
// For the types, so that the type checker reads the consumer too.
import type { Report } from '../../docs/platform/consumers/consumer.ts'
import { root } from '../support/architecture.ts'
import { child, tempFolder } from '../support/resources.ts'
import { findTool } from '../support/tools.ts'

const folder = path.join(root, 'docs/platform/consumers')
/** Debian's own, because its packages are those that the page names. */
const python = '/usr/bin/python3'
const pythonParts = [python, '/usr/lib/python3/dist-packages/paho/mqtt/client.py', '/usr/lib/python3/dist-packages/zstandard']

export interface Consumer {
  /** Starts it on its store, as an operator would; resolves when it has subscribed. */
  start(args?: readonly string[]): Promise<void>
  kill(): Promise<void>
  /** SIGTERM, and what it printed. */
  finish(): Promise<Report & { readonly exitCode: number | null }>
  /** The messages of its store in order of arrival. */
  stored(): Promise<readonly { readonly topic: string; readonly event: any }[]>
}

export const languages = ['TypeScript', 'Python'] as const
export type Language = (typeof languages)[number]

/** `it` where mosquitto and the language's packages are here; skipped aloud otherwise, and a failure under CI=true. */
export function itWithConsumer(language: Language): typeof it | typeof it.skip {
  const missing = [...(findTool('mosquitto') ? [] : ['mosquitto']), ...(language === 'Python' ? pythonParts.filter((file) => !existsSync(file)) : [])]
  if (missing.length === 0) return it
  if (process.env.CI === 'true') throw new Error(`missing under CI: ${missing.join(', ')}; scripts/test-tools.mjs installs them`)
  process.stderr.write(`skipped, because ${missing.join(', ')} is not installed\n`)
  return it.skip
}

/** The consumer of docs/platform in a process of its own, outside the repository: with `mqtt` beside it and nothing else, or with Debian's packages. */
export async function consumer(language: Language, broker: { readonly port: number }): Promise<Consumer> {
  const home = await tempFolder()
  const name = language === 'Python' ? 'consumer.py' : 'consumer.ts'
  await copyFile(path.join(folder, name), path.join(home, name))
  await mkdir(path.join(home, 'node_modules'))
  await symlink(path.join(root, 'node_modules/mqtt'), path.join(home, 'node_modules/mqtt'))
  const store = path.join(home, 'events.log')
  const [command, address] = language === 'Python' ? [python, `127.0.0.1:${broker.port}`] : [process.execPath, `mqtt://127.0.0.1:${broker.port}`]
  let running: ChildProcess
  let out = ''
  const ended = (): Promise<number | null> => new Promise((resolve) => { running.once('close', resolve) })
  return {
    async start(args = []) {
      out = ''
      running = child(command, [path.join(home, name), '--broker', address, '--store', store, ...args], { cwd: home })
      running.stdout!.on('data', (chunk) => { out += String(chunk) })
      let complaints = ''
      await new Promise<void>((resolve, reject) => {
        running.stderr!.on('data', (chunk) => { complaints += String(chunk); if (complaints.includes('ready')) resolve() })
        running.once('exit', () => reject(new Error(`the consumer ended by itself:\n${complaints}`)))
      })
    },
    async kill() { const gone = ended(); running.kill('SIGKILL'); await gone },
    async finish() {
      const gone = ended()
      running.kill('SIGTERM')
      const exitCode = await gone
      return { ...JSON.parse(out) as Report, exitCode }
    },
    async stored() {
      const text = await readFile(store, 'utf8').catch(() => '')
      return text.split('\n').slice(0, -1).map((line) => { const space = line.indexOf(' '); return { topic: line.slice(0, space), event: JSON.parse(line.slice(space + 1)) } })
    },
  }
}

export interface Line { readonly url: string; mute(): void; cut(): void }

/** A line to a broker that can swallow its answers, and be cut. Each new connection is whole again. */
export async function breakableLine(port: number): Promise<Line> {
  const pairs = new Set<{ readonly near: Socket; readonly far: Socket; muted: boolean }>()
  const server = createServer((near) => {
    const pair = { near, far: connect(port, '127.0.0.1'), muted: false }
    pairs.add(pair)
    near.on('data', (chunk) => pair.far.write(chunk)).on('error', () => {}).on('close', () => { pair.far.destroy(); pairs.delete(pair) })
    pair.far.on('data', (chunk) => { if (!pair.muted) near.write(chunk) }).on('error', () => {}).on('close', () => near.destroy())
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const cut = (): void => { for (const { near, far } of pairs) { far.destroy(); near.destroy() } }
  onTestFinished(() => { server.close(); cut() })
  return { url: `mqtt://127.0.0.1:${(server.address() as { port: number }).port}`, mute() { for (const pair of pairs) pair.muted = true }, cut }
}

/** A client of a broker that may be a moment late; closed when the test ends. */
export async function connected(url: string, options: mqtt.IClientOptions = {}): Promise<MqttClient> {
  const client = mqtt.connect(url, { reconnectPeriod: 20, ...options })
  client.on('error', () => {})
  onTestFinished(() => { client.end(true) })
  await new Promise<void>((resolve) => { client.once('connect', () => resolve()) })
  return client
}
