import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'

const ticksPerSecond = 100

export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), 'linli-bench-'))
  try { return await work(folder) } finally { rmSync(folder, { recursive: true, force: true }) }
}

/** Starts a TypeScript file of this folder; resolves with what it sent first over IPC. */
export async function start<T>(file: string, args: readonly string[]): Promise<{ readonly process: ChildProcess; readonly first: T }> {
  const running = spawn(process.execPath, [path.join(import.meta.dirname, file), ...args], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env: { ...process.env, LINLI_BENCH_PASSWORD: password } })
  const first = await new Promise<T>((resolve, reject) => { running.once('message', (message) => resolve(message as T)); running.once('exit', (code) => reject(new Error(`${file} ended with ${code}`))) })
  return { process: running, first }
}

export const password = 'bench'

export async function stop(running: ChildProcess): Promise<void> {
  if (running.exitCode !== null) return
  const gone = new Promise((resolve) => running.once('exit', resolve))
  running.kill('SIGTERM')
  await gone
}

/** User and system seconds a process has used (proc(5), stat fields 14 and 15). */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** `RssAnon`: without the mapped files, of which the kernel may take pages back. */
export function residentMb(pid: number, field: 'VmRSS' | 'RssAnon' = 'VmRSS'): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1_024
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => { const server = createServer().listen(0, '127.0.0.1', () => { const { port } = server.address() as { port: number }; server.close(() => resolve(port)) }) })
}

export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 120_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('what the bench waited for did not happen')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
