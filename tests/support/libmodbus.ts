import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { child, freePort, tempFolder } from './resources.ts'

/** The libmodbus server of libmodbus-server.c, compiled on the spot; resolves when it listens. */
export async function startLibmodbus(): Promise<{ readonly port: number; kill(): Promise<void> }> {
  const binary = path.join(await tempFolder(), 'libmodbus-server')
  execFileSync('gcc', ['-O1', '-o', binary, path.join(import.meta.dirname, 'libmodbus-server.c'), '-I/usr/include/modbus', '-lmodbus'], { stdio: ['ignore', 'ignore', 'inherit'] })
  const port = await freePort()
  const running = child(binary, [String(port)])
  await new Promise<void>((resolve, reject) => { running.stdout!.once('data', () => resolve()); running.once('exit', (code) => reject(new Error(`the libmodbus server ended with ${code}`))) })
  return { port, kill: () => new Promise((resolve) => { running.once('exit', () => resolve()); running.kill('SIGKILL') }) }
}
