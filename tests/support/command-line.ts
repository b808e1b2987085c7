import { execFile } from 'node:child_process'
import { main } from './gateways.ts'

export interface Result { readonly code: number; readonly stdout: string; readonly stderr: string }

/** Runs the command line to its end, as a pipe sees it; a signal that ended it is no code of its own. */
export function linli(...args: readonly string[]): Promise<Result> {
  return new Promise((resolve) => execFile(process.execPath, [main, ...args], { env: { ...process.env, FORCE_COLOR: undefined } }, (error, stdout, stderr) => resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : NaN, stdout, stderr: error?.signal ? `${stderr}\nended by ${error.signal}` : stderr })))
}
