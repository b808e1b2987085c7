import { execFile, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { root } from '../support/architecture.ts'
import { freePort, tempFolder } from '../support/resources.ts'
import { findTool } from '../support/tools.ts'
import { spawn } from 'node:child_process'

export type PeerKind = 'asyncua' | 'node-opcua'

export interface OpcuaPeer {
  readonly kind: PeerKind
  readonly url: string
  readonly process: ChildProcess
  set(node: string, value: unknown, more?: { readonly status?: string; /** Source time stamp so many ms ago. */ readonly ago?: number }): Promise<void>
  get(node: string): Promise<unknown>
  /** Sessions since the server's start, and now. */
  sessions(): Promise<{ readonly opened: number; readonly living: number }>
  /** Answers CreateSubscription with BadTooManySubscriptions. */
  refuseSubscriptions(on: boolean): Promise<void>
  add(node: string, value: number): Promise<void>
  /** SIGKILL, as a power cut would. */
  kill(): Promise<void>
  /** Another life on the same port, with the same certificate. */
  restart(options?: { readonly fillers?: number }): Promise<void>
  stop(): Promise<void>
}

const asyncuaVersion = '2.1.0'
const venv = path.join(root, 'build/peers/asyncua')

/** The interpreter with asyncua in it, made in build/ on first use; null, said aloud, where Python or the package index is not to be had. */
export async function asyncuaPython(): Promise<string | null> {
  const python = path.join(venv, 'bin/python')
  const run = promisify(execFile)
  const has = (): Promise<boolean> => run(python, ['-c', `import asyncua, importlib.metadata as m; assert m.version('asyncua') == '${asyncuaVersion}'`]).then(() => true, () => false)
  if (existsSync(python) && await has()) return python
  try {
    if (!findTool('python3')) throw new Error('python3 is not installed')
    await mkdir(path.dirname(venv), { recursive: true })
    await run('python3', ['-m', 'venv', venv])
    await run(python, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '--timeout', '10', '--retries', '1', `asyncua==${asyncuaVersion}`], { timeout: 120_000 })
    if (await has()) return python
    throw new Error('it does not import')
  } catch (error) {
    process.stderr.write(`\n*** OPC UA: the server of another code base (asyncua ${asyncuaVersion}) cannot be had: ${String(error).split('\n')[0]}\n*** The full node-opcua server stands in: client and server are then of ONE code base.\n\n`)
    return null
  }
}

export async function startPeer(kind: PeerKind, python: string | null, options: { readonly fillers?: number } = {}, folder?: string): Promise<OpcuaPeer> {
  const port = await freePort()
  const where = folder ?? await tempFolder()
  let life = await start(kind, python, { port, folder: where, ...options })
  return {
    kind, url: `opc.tcp://127.0.0.1:${port}/peer`,
    get process() { return life.process },
    async set(node, value, more = {}) { await life.ask({ do: 'set', node, value, ...more }) },
    async get(node) { return (await life.ask({ do: 'get', node })).value },
    async sessions() { return await life.ask({ do: 'sessions' }) as unknown as { opened: number; living: number } },
    async refuseSubscriptions(on) { await life.ask({ do: 'refuse', on }) },
    async add(node, value) { await life.ask({ do: 'add', node, value }) },
    kill: () => life.end('SIGKILL'),
    async restart(next = {}) { await life.end('SIGKILL'); life = await start(kind, python, { port, folder: where, ...options, ...next }) },
    stop: () => life.end('SIGKILL'),
  }
}

type Answer = Readonly<Record<string, unknown>>

async function start(kind: PeerKind, python: string | null, options: object) {
  const args = [JSON.stringify(options)]
  const running = kind === 'asyncua' ? spawn(python!, [path.join(import.meta.dirname, 'opcua_server.py'), ...args]) : spawn(process.execPath, [path.join(import.meta.dirname, 'opcua-server.ts'), ...args])
  let errors = ''
  running.stderr.on('data', (chunk: Buffer) => { errors = (errors + chunk.toString()).slice(-2_000) })
  const waiting: ((answer: Answer) => void)[] = []
  const gone = new Promise<never>((_, reject) => running.once('exit', (code, signal) => reject(new Error(`the ${kind} peer ended (${code ?? signal}): ${errors}`))))
  gone.catch(() => {})
  // What is not JSON is the server library's own chatter.
  createInterface({ input: running.stdout }).on('line', (line) => { if (line.startsWith('{')) waiting.shift()?.(JSON.parse(line) as Answer) })
  const next = (): Promise<Answer> => Promise.race([new Promise<Answer>((resolve) => { waiting.push(resolve) }), gone])
  await next()
  return {
    process: running as ChildProcess,
    ask(question: object): Promise<Answer> { const answer = next(); running.stdin.write(`${JSON.stringify(question)}\n`); return answer },
    end: (signal: NodeJS.Signals): Promise<void> => new Promise((resolve) => {
      if (running.exitCode !== null || running.signalCode !== null) return resolve()
      running.once('exit', () => resolve())
      running.kill(signal)
    }),
  }
}
