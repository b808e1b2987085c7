import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import path from 'node:path'
import { describe, DriverError } from '../../gateway/kit/index.ts'
import type { Bias } from './settings.ts'

/** The command-line tools of libgpiod, whose syntax changed with version 2. */
export interface Tools { readonly folder: string; readonly major: 1 | 2; readonly version: string }
export interface LineFlags { readonly activeLow: boolean; readonly bias?: Bias | undefined }
export type Edges = 'rising' | 'falling' | 'both'

const folders = ['/usr/bin', '/usr/local/bin', '/bin', '/usr/sbin', '/usr/local/sbin']
/** Told to every child, so that neither the site's language nor its PATH changes what is read. */
export const childEnvironment = { PATH: folders.join(':'), LC_ALL: 'C' } as const

/** undefined when they are not installed. Throws DriverError GPIO_UNAVAILABLE when they are of a version nobody knows. */
export async function findTools(own?: string): Promise<Tools | undefined> {
  for (const folder of own ? [own] : folders) {
    const program = path.join(folder, 'gpiodetect')
    if (!await access(program, constants.X_OK).then(() => true, () => false)) continue
    const text = await runTool([program, '--version'])
    const version = /\bv(\d+)\.(\d+)(?:\.\d+)?/.exec(text)
    const major = Number(version?.[1])
    if (major !== 1 && major !== 2) throw new DriverError('GPIO_UNAVAILABLE', `${program} says "${text.split('\n')[0]}"; libgpiod 1 and 2 are known, install the package gpiod of your system`)
    return { folder, major, version: version![0].slice(1) }
  }
  return undefined
}

/** stdout. Throws DriverError GPIO_TOOL with what the tool said. */
export function runTool([program, ...args]: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => execFile(program!, args, { env: childEnvironment, timeout: 5_000, maxBuffer: 4 << 20 }, (cause, stdout, stderr) => {
    if (!cause) return resolve(stdout)
    reject(new DriverError('GPIO_TOOL', `${[path.basename(program!), ...args].join(' ')}: ${stderr.trim() || describe(cause)}`, { cause, retriable: true }))
  }))
}

const bias1 = { up: 'pull-up', down: 'pull-down', none: 'disable' } as const
const bias2 = { up: 'pull-up', down: 'pull-down', none: 'disabled' } as const
const flags = ({ major }: Tools, { activeLow, bias }: LineFlags): string[] => [
  ...(activeLow ? ['-l'] : []),
  ...(bias ? (major === 1 ? ['-B', bias1[bias]] : ['-b', bias2[bias]]) : []),
]
const program = ({ folder }: Tools, name: string): string => path.join(folder, name)

export const detectCommand = (tools: Tools): string[] => [program(tools, 'gpiodetect')]
export const infoCommand = (tools: Tools, chip?: string): string[] => [program(tools, 'gpioinfo'), ...(chip === undefined ? [] : tools.major === 1 ? [chip] : ['-c', chip])]

/** Prints one 0 or 1 a line asked for. */
export const getCommand = (tools: Tools, chip: string, line: LineFlags, offsets: readonly number[]): string[] => tools.major === 1
  ? [program(tools, 'gpioget'), ...flags(tools, line), chip, ...offsets.map(String)]
  : [program(tools, 'gpioget'), '--numeric', ...flags(tools, line), '-c', chip, ...offsets.map(String)]

/** Runs until it is killed; prints what {@link parseEdge} reads, a line an edge, at once. */
export const monitorCommand = (tools: Tools, chip: string, line: LineFlags, edges: Edges, offsets: readonly number[]): string[] => tools.major === 1
  ? [program(tools, 'gpiomon'), '-b', '-F', '%o %e %s %n', ...(edges === 'both' ? [] : edges === 'rising' ? ['-r'] : ['-f']), ...flags(tools, line), chip, ...offsets.map(String)]
  : [program(tools, 'gpiomon'), '-C', 'linli', '-E', 'monotonic', '-F', '%o %e %S', '-e', edges, ...flags(tools, line), '-c', chip, ...offsets.map(String)]

/** Holds the line until it is killed. Ends in `offset=`: the value is appended to the last word. */
export const holdCommand = (tools: Tools, chip: string, line: LineFlags, offset: number): string[] => tools.major === 1
  ? [program(tools, 'gpioset'), '-m', 'signal', ...flags(tools, line), chip, `${offset}=`]
  : [program(tools, 'gpioset'), '-C', 'linli', ...flags(tools, line), '-c', chip, `${offset}=`]

export interface EdgeLine { readonly offset: number; readonly level: boolean; /** Milliseconds on the kernel's clock. */ readonly stampMs: number }

const edge1 = /^(\d{1,6}) ([01]) (\d{1,12}) (\d{1,9})$/
const edge2 = /^(\d{1,6}) ([12]) (\d{1,12})\.(\d{9})$/

/** One line of {@link monitorCommand}; null for anything else. Version 1 does not pad its nanoseconds and calls falling 0; version 2 calls it 2. */
export function parseEdge(major: 1 | 2, text: string): EdgeLine | null {
  const match = (major === 1 ? edge1 : edge2).exec(text)
  if (!match) return null
  return { offset: Number(match[1]), level: match[2] === '1', stampMs: Number(match[3]) * 1_000 + Number(match[4]) / 1e6 }
}
