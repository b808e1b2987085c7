import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { ChildProcess } from 'node:child_process'
import { beside } from './alert-latency.ts'
import { cpuSeconds, freePort, inFolder, median, residentMb, start, stop } from './processes.ts'

export interface ConsoleLoad {
  /** Share of one core that the live streams add, percent. */
  readonly streamsPercent: number
  readonly apiMs: readonly number[]
  /** What the console adds, with nobody at it and after that load. */
  readonly addedMb: number
  readonly addedInUseMb: number
}

export interface ConsoleLoadOptions { readonly rounds: number; readonly streams: number; readonly changing: number; readonly secondsEach: number; readonly requests: number; readonly perSecond: number; readonly readings: number }

const devices = 10
const settleMs = 10_000

const site = (folder: string, port: number, perDevice: number, consolePort: number | null): string => [
  'linli: 2', 'site: { id: bench, name: { zh: 测, en: bench }, region: "420106" }', `store: { path: ${folder}/data }`, 'log: { level: error }',
  ...(consolePort === null ? [] : [`console: { enabled: true, listen: { port: ${consolePort} } }`]),
  `connections: [{ id: broker, driver: mqtt, messagesPerSecond: 1000000, listen: { port: ${port} } }]`, 'devices:',
  ...Array.from({ length: devices }, (_, n) => [
    `  - id: d${n}`, '    name: { zh: 表, en: meter }', '    connection: broker', '    password: { env: LINLI_BENCH_PASSWORD }', '    points:',
    ...Array.from({ length: perDevice }, (__, k) => `      n${k}: { name: { zh: 数, en: number }, type: number, topic: "devices/{device}/n${k}", pointer: /n }`),
  ].join('\n')),
  '',
].join('\n')

/** A gateway whose `changing` points each change once a second: what so many live streams cost it, and, beside `readings` a second, how long an answer takes. */
export function consoleLoad({ rounds, streams, changing, secondsEach, requests, perSecond, readings }: ConsoleLoadOptions): Promise<ConsoleLoad> {
  const perDevice = changing / devices
  return inFolder(async (folder) => {
    const started: ChildProcess[] = []
    const launch = async <T>(file: string, args: readonly string[]): Promise<{ readonly process: ChildProcess; readonly first: T }> => { const running = await start<T>(file, args); started.push(running.process); return running }
    const gateway = async (name: string, port: number, consolePort: number | null): Promise<ChildProcess> => {
      const file = path.join(folder, `${name}.yaml`)
      await writeFile(file, site(path.join(folder, name), port, perDevice, consolePort))
      return (await launch('gateway.ts', [file])).process
    }
    try {
      const [port, plainPort] = [await freePort(), await freePort()]
      const [without, process] = [await gateway('without', plainPort, null), await gateway('with', port, await freePort())]
      await pause(settleMs)
      const addedMb = residentMb(process.pid!) - residentMb(without.pid!)
      const viewers = (await launch('viewers.ts', [await asked<string>(process, 'open')])).process
      // What follows is also done to the one without, so that both have had the same life.
      const share = async (): Promise<number> => {
        await pause(1_000)
        const [used, began] = [cpuSeconds(process.pid!), performance.now()]
        await pause(secondsEach * 1_000)
        return (cpuSeconds(process.pid!) - used) / ((performance.now() - began) / 1_000) * 100
      }
      const added = await beside(port, changing, async () => {
        const list: number[] = []
        // The first round warms.
        for (let round = 0; round <= rounds; round++) {
          const none = await share()
          await asked(viewers, { streams })
          const before = (await asked<{ bytes: number }>(viewers, { heard: true })).bytes
          const open = await share()
          // Each stream hears each point each second, at 60 bytes and more.
          if ((await asked<{ bytes: number }>(viewers, { heard: true })).bytes - before < streams * changing * secondsEach * 60) throw new Error('the live streams did not hear all that changed')
          await asked(viewers, { streams: 0 })
          if (round > 0) list.push(open - none)
        }
        return list
      }, perDevice)
      const apiMs = await beside(port, readings, async () => {
        await asked(viewers, { requests: perSecond, perSecond })
        return (await asked<{ ms: number[] }>(viewers, { requests, perSecond })).ms
      }, perDevice)
      await beside(plainPort, readings, () => pause(requests / perSecond * 1_000), perDevice)
      return { streamsPercent: median(added), apiMs, addedMb, addedInUseMb: residentMb(process.pid!) - residentMb(without.pid!) }
    } finally {
      for (const each of started.toReversed()) await stop(each)
    }
  })
}

function asked<T>(process: ChildProcess, order: string | object): Promise<T> {
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new Error('a process of the bench ended'))
    process.once('exit', gone)
    process.once('message', (answer) => { process.off('exit', gone); resolve(answer as T) })
    process.send(order)
  })
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
