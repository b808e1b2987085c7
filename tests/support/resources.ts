import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { onTestFinished } from 'vitest'

/** A temp folder, removed when the test ends. */
export async function tempFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'linli-test-'))
  // Again, where a write that nobody waits for lays a file into it meanwhile.
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

/** A loopback port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

/** A child that is killed when the test ends, also when it timed out. */
export function child(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const started = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  onTestFinished(() => { if (started.exitCode === null && started.signalCode === null) started.kill('SIGKILL') })
  return started
}

/** Resolves when something accepts on the port; rejects after `timeoutMs`. */
export async function listening(port: number, timeoutMs = 5_000): Promise<void> {
  const { connect } = await import('node:net')
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true) })
      socket.on('error', () => resolve(false))
    })
    if (open) return
    if (performance.now() > deadline) throw new Error(`nothing listens on ${port} after ${timeoutMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
