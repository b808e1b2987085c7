import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { installNodeRed, redFolder } from '../peers.ts'

/** A program that is asked by lines on stdin and answers by lines of JSON. */
export interface Asked extends AsyncDisposable {
  readonly process: ChildProcess
  next<T>(): Promise<T>
  ask<T>(line: string): Promise<T>
}

export function run(command: string, args: readonly (string | number)[]): Asked {
  const running = spawn(command, args.map(String), { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: running.stdout })[Symbol.asyncIterator]()
  const next = async <T>(): Promise<T> => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`${command} ended with ${running.exitCode ?? running.signalCode}`)
    return JSON.parse(value) as T
  }
  return {
    process: running, next,
    ask: (line) => { running.stdin.write(`${line}\n`); return next() },
    async [Symbol.asyncDispose]() {
      if (running.exitCode !== null || running.signalCode !== null) return
      const gone = new Promise((resolve) => running.once('exit', resolve))
      running.kill('SIGKILL')
      await gone
    },
  }
}

/** Compiles a C file; returns the program. */
export function compiled(source: string, folder: string, libraries: readonly string[] = []): string {
  const binary = path.join(folder, path.basename(source, '.c'))
  execFileSync('gcc', ['-O2', '-o', binary, source, ...libraries], { stdio: ['ignore', 'inherit', 'inherit'] })
  return binary
}

export const here = import.meta.dirname
export const libmodbusFlags = ['-I/usr/include/modbus', '-lmodbus', '-lpthread'] as const
export const client = (port: number, { devices, connections, pipeline = 1, ms, registers = 100 }: { readonly devices: number; readonly connections: number; readonly pipeline?: number; readonly ms: number; readonly registers?: number }): Asked =>
  run(process.execPath, [path.join(here, 'client.ts'), port, devices, connections, pipeline, ms, registers])

/** Node-RED with node-red-contrib-modbus. */
export function nodeRed(port: number, devices: number, ms: number): Asked {
  installNodeRed()
  return run(process.execPath, [path.join(redFolder, 'run.mjs'), port, devices, ms])
}
