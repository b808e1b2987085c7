import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { ChildProcess } from 'node:child_process'
import mqttPacket from 'mqtt-packet'
import { z } from 'zod'
import { createEngine } from '../../rules/engine.ts'
import { createRules } from '../../rules/index.ts'
import { decisionSchemas } from '../../rules/site.ts'
import { facilityOf } from '../support/facility.ts'
import { beside, dial } from './alert-latency.ts'
import { publishPacket } from './load.ts'
import { cpuSeconds, freePort, inFolder, median, start, stop } from './processes.ts'

export interface RulesFigures {
  /** Share of one core that a gateway uses at the pace, percent. */
  readonly withoutPercent: number
  readonly watchingPercent: number
  readonly besidePercent: number
  /** What rules add, of the same rounds. */
  readonly addedPercent: number
  readonly addedBesidePercent: number
  /** Milliseconds from a device's publish to the command at its relay, beside the pace and the rules. */
  readonly relayMs: readonly number[]
  readonly stateMb: number
}

export interface RulesOptions { readonly rules: number; readonly perSecond: number; readonly rounds: number; readonly secondsEach: number; readonly writes: number }

const devices = 10
const title = '{ zh: 题, en: title }'

/** Of ten rules seven look at a value, one of them for a while, and three at windows of five minutes. Values stay below 80: nothing is raised. */
function ruleLine(n: number, point: string): string {
  const condition = (when: string, more = ''): string => `  - { id: r${n}, kind: condition, inputs: { t: ${point} }, when: "${when}", ${more}severity: 3, title: ${title} }`
  switch (n % 10) {
    case 0: return condition('avg(t, 5m) > 90')
    case 1: return condition('max(t, 5m) - min(t, 5m) > 95')
    case 2: return condition('avg(t, 5m) > 85 && t > 90')
    case 3: return `  - { id: r${n}, kind: threshold, point: ${point}, above: 90, for: 5s, severity: 3, title: ${title} }`
    case 4: return condition('t > 90', 'for: 10s, ')
    default: return condition(n % 2 === 0 ? 't > 90' : 't > 85 || t < -10')
  }
}

type Kind = 'without' | 'watching' | 'beside'
/** `perDevice` points speak; `beside`: the rules watch as many that never do. Contacts and relays of the second measure are there in all. */
const site = (folder: string, port: number, kind: Kind, perDevice: number, pairs: number): string => [
  'linli: 2', 'site: { id: bench, name: { zh: 测, en: bench }, region: "420106" }', `store: { path: ${folder}/data }`, 'alerts: { flood: { alerts: 1000 }, chattering: { raises: 100 } }',
  `connections: [{ id: broker, driver: mqtt, messagesPerSecond: 1000000, listen: { port: ${port} } }]`, 'devices:',
  ...['d', 'quiet'].flatMap((name) => Array.from({ length: devices }, (_, n) => [
    `  - id: ${name}${n}`, '    name: { zh: 表, en: meter }', '    connection: broker', '    password: { env: LINLI_BENCH_PASSWORD }', '    points:',
    ...Array.from({ length: perDevice }, (__, k) => `      n${k}: { name: { zh: 数, en: number }, type: number, topic: "devices/{device}/n${k}", pointer: /n }`),
  ].join('\n'))),
  '  - id: doors', '    name: { zh: 门, en: doors }', '    connection: broker', '    password: { env: LINLI_BENCH_PASSWORD }', '    points:',
  ...Array.from({ length: pairs }, (_, n) => `      p${n}: { name: { zh: 门, en: door }, type: boolean, topic: "devices/{device}/p${n}", pointer: /open }`),
  '  - id: relays', '    name: { zh: 继电器, en: relays }', '    connection: broker', '    password: { env: LINLI_BENCH_PASSWORD }', '    points:',
  ...Array.from({ length: pairs }, (_, n) => `      r${n}: { name: { zh: 继电器, en: relay }, type: boolean, writable: true, topic: "devices/{device}/r${n}/state", command: { topic: "devices/{device}/r${n}/set", payload: "{json}", confirm: false } }`),
  'rules:',
  ...(kind === 'without' ? ['  []'] : Array.from({ length: devices * perDevice }, (_, n) => ruleLine(n, `${kind === 'watching' ? 'd' : 'quiet'}${n % devices}.n${Math.floor(n / devices)}`))),
  ...(kind === 'watching' ? Array.from({ length: pairs }, (_, n) => `  - { id: door${n}, kind: condition, inputs: { open: doors.p${n} }, when: open, severity: 2, title: ${title}, then: [{ write: { point: relays.r${n}, value: true } }], otherwise: [{ write: { point: relays.r${n}, value: false } }], writes: { atMost: 100, per: 1m } }`) : []),
  '',
].join('\n')

/** Three gateways, loaded in turn by the same publishes: without rules, with rules that watch the points, with as many that watch others. */
export function rules({ rules: count, perSecond, rounds, secondsEach, writes }: RulesOptions): Promise<RulesFigures> {
  const perDevice = Math.ceil(count / devices)
  const pairs = 200
  return inFolder(async (folder) => {
    const gateways: { readonly kind: Kind; readonly port: number; readonly process: ChildProcess; readonly shares: number[] }[] = []
    try {
      for (const kind of ['without', 'watching', 'beside'] as const) {
        const port = await freePort()
        const file = path.join(folder, `${kind}.yaml`)
        await writeFile(file, site(path.join(folder, kind), port, kind, perDevice, pairs))
        gateways.push({ kind, port, process: (await start('gateway.ts', [file])).process, shares: [] })
      }
      // The first round warms.
      for (let round = 0; round <= rounds; round++) {
        // To and fro, so that a machine that gets slower is no rule's fault.
        for (const { port, process: { pid }, shares } of round % 2 === 0 ? gateways : gateways.toReversed()) {
          const share = await beside(port, perSecond, async () => {
            await pause(1_000)
            const [used, began] = [cpuSeconds(pid!), performance.now()]
            await pause(secondsEach * 1_000)
            return (cpuSeconds(pid!) - used) / ((performance.now() - began) / 1_000) * 100
          }, perDevice)
          if (round > 0) shares.push(share)
        }
      }
      const of = (kind: Kind): readonly number[] => gateways.find((each) => each.kind === kind)!.shares
      const added = (kind: Kind): number => median(of(kind).map((share, round) => share - of('without')[round]!))
      const { port } = gateways.find(({ kind }) => kind === 'watching')!
      for (const { kind, process } of gateways) if (kind !== 'watching') await stop(process)
      return {
        withoutPercent: median(of('without')), watchingPercent: median(of('watching')), besidePercent: median(of('beside')), addedPercent: added('watching'), addedBesidePercent: added('beside'),
        relayMs: await relays(port, perSecond, perDevice, pairs, writes), stateMb: stateMb(count),
      }
    } finally {
      for (const { process } of gateways) await stop(process)
    }
  })
}

const patienceMs = 10_000

/** Doors open and close; each calls for a command to its own relay, taken by the same process, so by one clock. The first are not counted. */
async function relays(port: number, perSecond: number, perDevice: number, pairs: number, writes: number): Promise<number[]> {
  const relay = await dial(port, 'relays')
  const parser = mqttPacket.parser()
  let at = 0
  let arrived: (command: string) => void = () => {}
  relay.on('data', (chunk) => { at = performance.now(); parser.parse(chunk) })
  parser.on('packet', (packet) => {
    if (packet.cmd !== 'publish') return
    if (packet.qos > 0) relay.write(mqttPacket.generate({ cmd: 'puback', messageId: packet.messageId! }))
    arrived(`${packet.topic} ${String(packet.payload)}`)
  })
  relay.write(mqttPacket.generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'devices/relays/+/set', qos: 1 }] }))
  const doors = (await dial(port, 'doors')).resume()
  let turn = 0
  const next = async (): Promise<number> => {
    const n = turn % pairs
    const open = Math.floor(turn++ / pairs) % 2 === 0
    const told = new Promise<string>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`door ${n} moved no relay`)), patienceMs)
      arrived = (command) => { clearTimeout(late); resolve(command) }
    })
    const began = performance.now()
    doors.write(publishPacket(`devices/doors/p${n}`, `{"open":${open}}`, (turn % 65_535) + 1))
    const command = await told
    if (command !== `devices/relays/r${n}/set ${open}`) throw new Error(`door ${n} gave ${command}`)
    return at - began
  }
  try {
    return await beside(port, perSecond, async () => {
      const list: number[] = []
      for (let n = 0; n < writes + pairs; n++) {
        await pause(2 + Math.random() * 10)
        const ms = await next()
        if (n >= pairs) list.push(ms)
      }
      return list
    }, perDevice)
  } finally {
    for (const socket of [relay, doors]) socket.on('error', () => {}).destroy()
  }
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Heap and buffers of `count` rules with windows of five minutes over as many points, each once a second for six minutes: rings are full. */
export function stateMb(count: number): number {
  const facility = facilityOf(Object.fromEntries(Array.from({ length: count }, (_, n) => [`d${n}.n`, 'number' as const])))
  const { rules: list, scenes, schedules, calendar } = decisionSchemas
  const decisions = z.object({ rules: list, scenes, schedules, calendar }).parse({
    rules: Array.from({ length: count }, (_, n) => ({ id: `r${n}`, kind: 'condition', inputs: { t: `d${n}.n` }, when: ['avg(t, 5m) > 90', 'max(t, 5m) - min(t, 5m) > 95', 'rate(t, 5m) > 2000 || avg(t, 5m) > 85'][n % 3], for: '30s', severity: 3, title: { zh: '题', en: 'title' } })),
  })
  const used = (): number => { collect(); collect(); const { heapUsed, arrayBuffers } = process.memoryUsage(); return heapUsed + arrayBuffers }
  // The grammar and the like are there once, whatever the number of rules.
  createRules({ ...decisions, rules: decisions.rules.slice(0, 3) }, facility)
  const before = used()
  const engine = createEngine(createRules(decisions, facility))
  const begin = Date.UTC(2026, 2, 1)
  engine.tick(begin)
  for (let ms = 0; ms < 360_000; ms += 100) {
    const at = begin + ms
    for (let n = ms === 0 ? 0 : Math.floor(ms / 100) % 10; n < count; n += ms === 0 ? 1 : 10) engine.step([{ pointId: `d${n}.n`, value: ((n * 31 + ms) % 8_000) / 100, at, receivedAt: at, quality: 'good' }])
    if (engine.wakeAt()! <= at) engine.tick(at)
  }
  const after = used()
  if (engine.status().rules !== count) throw new Error('the rules are gone')
  return (after - before) / 1e6
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
