import { execFileSync, type ChildProcess } from 'node:child_process'
import path from 'node:path'
import { child, freePort, tempFolder } from './resources.ts'

export interface Libmodbus { kill(): Promise<void>; readonly process: ChildProcess }

/** The libmodbus server of libmodbus-server.c, compiled on the spot; resolves when it listens. */
export async function startLibmodbus(): Promise<Libmodbus & { readonly port: number }> {
  const port = await freePort()
  return { port, ...await start([String(port)]) }
}

/** The same registers on a serial line, for all the units. */
export const startLibmodbusRtu = (line: string, { baudRate = 115_200, parity = 'N', units }: { readonly baudRate?: number; readonly parity?: 'N' | 'E'; readonly units: readonly number[] }): Promise<Libmodbus> =>
  start([line, String(baudRate), parity, ...units.map(String)])

async function start(args: readonly string[]): Promise<Libmodbus> {
  const running = child(await compile('libmodbus-server.c', ['-I/usr/include/modbus', '-lmodbus']), args)
  await ready(running)
  return { process: running, kill: () => new Promise((resolve) => { running.once('exit', () => resolve()); running.kill('SIGKILL') }) }
}

/** Resolves at the first word of a child; rejects when it ends before. */
export const ready = (running: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => { running.stdout!.once('data', () => resolve()); running.once('exit', (code) => reject(new Error(`${running.spawnfile} ended with ${code}`))) })

/** A C source of this folder as a program in a temp folder. */
export async function compile(source: string, libraries: readonly string[] = []): Promise<string> {
  const binary = path.join(await tempFolder(), path.basename(source, '.c'))
  execFileSync('gcc', ['-O1', '-o', binary, path.join(import.meta.dirname, source), ...libraries], { stdio: ['ignore', 'ignore', 'inherit'] })
  return binary
}
