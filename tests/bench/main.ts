// npm run bench [-- --json] [NAME…]: the figures of docs/benchmarks.md. Nothing else should run beside it.
import { cpus } from 'node:os'
import { alertLatency } from './alert-latency.ts'
import { consolePages } from './console.ts'
import { consoleLoad } from './console-load.ts'
import { decodes } from './decode.ts'
import { drain, drainBridge, type Drained } from './drain.ts'
import { flash } from './flash.ts'
import { history } from './history.ts'
import { ingest, ingestNodeRed, type IngestResult } from './ingest.ts'
import { bundledLife, life, nodeRedLife } from './life.ts'
import { memory } from './memory.ts'
import { cost, forecastError, isolation, jitter, serial } from './modbus/pace.ts'
import { codec, rates } from './modbus/rate.ts'
import { peersAreHere } from './peers.ts'
import { median } from './processes.ts'
import { rules } from './rules.ts'
import { acceptance, population } from './scan.ts'
import { pageBrowser } from '../support/browser.ts'
import { findTool } from '../support/tools.ts'

interface Figure { readonly value: number; readonly unit: string; readonly target: number | null; readonly met: boolean | null }
type Figures = Record<string, Figure>

const round = (value: number): number => (value >= 100 ? Math.round(value) : value >= 1 ? Math.round(value * 100) / 100 : Number(value.toPrecision(3)))
const atLeast = (value: number, unit: string, target: number): Figure => ({ value: round(value), unit, target, met: value >= target })
const atMost = (value: number, unit: string, target: number): Figure => ({ value: round(value), unit, target, met: value <= target })
const plain = (value: number, unit: string): Figure => ({ value: round(value), unit, target: null, met: null })
const quantile = (list: readonly number[], share: number): number => list.toSorted((a, b) => a - b)[Math.floor(list.length * share)]!
const rounds = 5

const benches: Readonly<Record<string, () => Promise<Figures>>> = {
  async ingest() {
    const packed: IngestResult[] = []
    const single: IngestResult[] = []
    const red: IngestResult[] = []
    const compared = peersAreHere('mosquitto', 'node-red')
    for (let turn = 0; turn < rounds; turn++) {
      packed.push(await ingest(100_000))
      if (compared) red.push(await ingestNodeRed(50_000))
      single.push(await ingest(40_000, 1))
    }
    const of = (list: readonly IngestResult[], key: keyof IngestResult): number => median(list.map((item) => item[key]))
    return {
      'ingest-packed': atLeast(of(packed, 'perSecond'), 'readings/s', 25_000), 'ingest-packed-cpu': atMost(of(packed, 'cpuPer100k'), 's/100k', 1.6),
      'ingest-unpacked': plain(of(single, 'perSecond'), 'readings/s'), 'ingest-unpacked-cpu': plain(of(single, 'cpuPer100k'), 's/100k'),
      'ingest-packed/unpacked': plain(of(packed, 'perSecond') / of(single, 'perSecond'), '×'),
      ...(compared ? {
        'ingest-node-red': plain(of(red, 'perSecond'), 'readings/s'), 'ingest-node-red-cpu': plain(of(red, 'cpuPer100k'), 's/100k'),
        'ingest-packed/node-red': atLeast(of(packed, 'perSecond') / of(red, 'perSecond'), '×', 3), 'ingest-unpacked/node-red': plain(of(single, 'perSecond') / of(red, 'perSecond'), '×'),
      } : {}),
    }
  },
  async drain() {
    const ours: Drained[] = []
    const toMosquitto: Drained[] = []
    const bridge: Drained[] = []
    const compared = peersAreHere('mosquitto')
    for (let turn = 0; turn < rounds; turn++) {
      ours.push(await drain(500_000))
      if (!compared) continue
      toMosquitto.push(await drain(500_000, 'mosquitto'))
      bridge.push(await drainBridge(100_000))
    }
    const of = (list: readonly Drained[], key: keyof Drained): number => median(list.map((item) => item[key]))
    return {
      drain: atLeast(of(ours, 'readings'), 'readings/s', 300_000),
      ...(compared ? {
        'drain-to-mosquitto': plain(of(toMosquitto, 'readings'), 'readings/s'), 'drain-to-mosquitto-messages': plain(of(toMosquitto, 'messages'), 'messages/s'),
        'mosquitto-bridge': plain(of(bridge, 'readings'), 'readings/s'), 'mosquitto-bridge-messages': plain(of(bridge, 'messages'), 'messages/s'),
        'drain/mosquitto-bridge': atLeast(of(toMosquitto, 'readings') / of(bridge, 'readings'), '×', 10),
      } : {}),
    }
  },
  async 'alert-latency'(): Promise<Figures> {
    if (!peersAreHere('mosquitto')) return {}
    const found = await alertLatency([500, 10_000], rounds, 400)
    const [quiet, busy] = [found[500], found[10_000]]
    return {
      'alert-p50-at-500': atMost(quantile(quiet.ms, 0.5), 'ms', 0.6), 'alert-p99-at-500': atMost(quantile(quiet.ms, 0.99), 'ms', 4), 'bare-fsync-at-500': plain(quantile(quiet.fsyncMs, 0.5), 'ms'),
      'alert-p50-at-10000': plain(quantile(busy.ms, 0.5), 'ms'), 'alert-p99-at-10000': atMost(quantile(busy.ms, 0.99), 'ms', 12), 'bare-fsync-at-10000': plain(quantile(busy.fsyncMs, 0.5), 'ms'),
    }
  },
  async rules() {
    const found = await rules({ rules: 1_000, perSecond: 10_000, rounds, secondsEach: 8, writes: 2_000 })
    return {
      'rules-cpu-without': plain(found.withoutPercent, '% of a core'), 'rules-cpu-watching': plain(found.watchingPercent, '% of a core'), 'rules-cpu-watching-others': plain(found.besidePercent, '% of a core'),
      'rules-cpu-added': atMost(found.addedPercent, '% of a core', 10), 'rules-cpu-added-watching-others': atMost(found.addedBesidePercent, '% of a core', 2),
      'sensor-to-relay-p50': plain(quantile(found.relayMs, 0.5), 'ms'), 'sensor-to-relay-p99': atMost(quantile(found.relayMs, 0.99), 'ms', 10), 'rules-state-5m-windows': atMost(found.stateMb, 'MB', 30),
    }
  },
  async modbus() {
    const found = await rates()
    const per = (a: keyof typeof found, b: keyof typeof found): number => found[a].perSecond / found[b].perSecond
    const { decodeNs, crcNs } = codec()
    return {
      'modbus-polls': plain(found.ours.perSecond, 'polls/s'), 'modbus-cpu': plain(found.ours.cpuUs, 'µs/poll'), 'modbus-polls-all-changing': plain(found.all.perSecond, 'polls/s'),
      'modbus-pipelined': plain(found.pipelined.perSecond, 'polls/s'), 'modbus-pipelined-all-changing': plain(found.pipelinedAll.perSecond, 'polls/s'),
      'libmodbus-polls': plain(found.libmodbus.perSecond, 'polls/s'), 'modbus-serial-polls': plain(found.serial.perSecond, 'polls/s'), 'node-red-polls': plain(found.nodeRed.perSecond, 'polls/s'), 'node-red-cpu': plain(found.nodeRed.cpuUs, 'µs/poll'),
      'modbus/node-red': atLeast(per('ours', 'nodeRed'), '×', 40), 'modbus-pipelined/node-red': atLeast(per('pipelined', 'nodeRed'), '×', 40),
      'modbus/libmodbus': atLeast(per('ours', 'libmodbus'), '×', 0.7), 'modbus-pipelined/libmodbus': atLeast(per('pipelined', 'libmodbus'), '×', 1),
      'modbus/libmodbus-sleeping-server': plain(per('sleeping', 'libmodbusSleeping'), '×'), 'modbus/modbus-serial': atLeast(per('ours', 'serial'), '×', 1),
      'modbus-decode': plain(decodeNs, 'ns/register'), 'modbus-crc': plain(crcNs, 'ns/byte'),
    }
  },
  async pace() {
    const { p99Ms, driftPercent } = await jitter()
    const { few, many } = await cost()
    return {
      'modbus-jitter-p99': atMost(p99Ms, 'ms', 2.5), 'modbus-drift': atMost(driftPercent, '%', 0.01), 'modbus-nine-beside-a-dead-one': atMost(await isolation(), '%', 2),
      'modbus-cost-100-points': plain(few, 'µs/point'), 'modbus-cost-10000-points': plain(many, 'µs/point'), 'modbus-cost-10000/100': atMost(many / few, '×', 1.15),
    }
  },
  async serial() {
    const figures: Figures = {}
    for (const [baudRate, registers, turnaroundMs] of [[9_600, 10, 5], [9_600, 60, 20], [115_200, 10, 5], [115_200, 60, 5]] as const) {
      const { efficiency, early } = await serial(baudRate, registers, turnaroundMs)
      figures[`rtu-${baudRate}-${registers}-registers`] = atLeast(efficiency, '×', 0.95)
      figures[`rtu-${baudRate}-${registers}-too-early`] = atMost(early, 'requests', 0)
    }
    const { forecastMs, scanMs, percent } = await forecastError()
    return { ...figures, 'rtu-scan-forecast': plain(forecastMs, 'ms'), 'rtu-scan': plain(scanMs, 'ms'), 'rtu-forecast-error': atMost(percent, '%', 15) }
  },
  async history() {
    const found = await history()
    const cpu = { with: [] as number[], without: [] as number[] }
    for (let turn = 0; turn < rounds; turn++) { cpu.with.push((await ingest(100_000)).cpuPer100k); cpu.without.push((await ingest(100_000, undefined, false)).cpuPer100k) }
    return {
      'chart-24h-ms': atMost(found.chart24hMs, 'ms', 100), 'chart-24h-p99': plain(found.chart24hP99Ms, 'ms'), 'history-bytes': plain(found.bytesPerChange, 'bytes/change'), 'history-kernel-bytes': plain(found.kernelBytesPerChange, 'bytes/change'),
      'history-cpu': atMost(found.microsecondsPerChange, 'µs/change', 0.8), 'history-memory-20-points': plain(found.memoryMb20, 'MB'), 'history-memory-1000-points': plain(found.memoryMb1000, 'MB'), 'history-reopen': plain(found.reopenMs, 'ms'),
      'ingest-cpu-with-history': plain(median(cpu.with), 's/100k'), 'ingest-cpu-without': plain(median(cpu.without), 's/100k'), 'history-share': atMost((median(cpu.with) / median(cpu.without) - 1) * 100, '%', 5),
    }
  },
  async flash() {
    const [filling, away] = [await flash(2_000_000), await flash(2_000_000, { cityAway: true })]
    const [steady, bare] = [await flash(30_000, { perSecond: 500 }), await flash(30_000, { perSecond: 500, history: false })]
    return {
      'flash-filling': atMost(filling.bytesPerReading, 'bytes/reading', 60), 'flash-filling-city-away': atMost(away.bytesPerReading, 'bytes/reading', 60),
      'flash-500/s': atMost(steady.bytesPerReading, 'bytes/reading', 450), 'flash-500/s-without-history': plain(bare.bytesPerReading, 'bytes/reading'),
      'flash-500/s-cancelled': plain(steady.cancelledPerReading, 'bytes/reading'),
    }
  },
  async memory() {
    const [first, last] = await memory([1_000_000, 10_000_000])
    return {
      'resident-after-1M': plain(first!.residentMb, 'MB'), 'resident-after-10M': plain(last!.residentMb, 'MB'), 'resident-10M/1M': atMost(last!.residentMb / first!.residentMb, '×', 1.1),
      'anonymous-after-1M': plain(first!.anonymousMb, 'MB'), 'anonymous-after-10M': plain(last!.anonymousMb, 'MB'), 'anonymous-10M/1M': plain(last!.anonymousMb / first!.anonymousMb, '×'),
    }
  },
  async console() {
    if (!findTool(pageBrowser)) { process.stderr.write(`NOT MEASURED: ${pageBrowser} is not installed\n`); return {} as Figures }
    const { firstLoadMs, longestTaskMs } = await consolePages(rounds)
    return { 'console-first-load': atMost(firstLoadMs, 'ms', 2_000), 'console-longest-task': atMost(longestTaskMs, 'ms', 100) }
  },
  async 'console-load'() {
    const { streamsPercent, apiMs, addedMb, addedInUseMb } = await consoleLoad({ rounds, streams: 100, changing: 1_000, secondsEach: 5, requests: 4_000, perSecond: 200, readings: 5_000 })
    return {
      'console-100-streams-cpu': atMost(streamsPercent, '% of a core', 15), 'console-api-p50': plain(quantile(apiMs, 0.5), 'ms'), 'console-api-p99': atMost(quantile(apiMs, 0.99), 'ms', 20),
      'console-resident': atMost(addedMb, 'MB', 20), 'console-resident-after-load': plain(addedInUseMb, 'MB'),
    }
  },
  async decode() {
    const { corrupted, told, named, sole, right, falselyTold, missed } = await decodes(200)
    process.stderr.write(`not told: ${missed.join('; ') || 'none'}\n`)
    return {
      'decode-recall': atLeast(told / corrupted, `of ${corrupted} corrupted maps`, 0.9), 'decode-precision': atLeast(told / Math.max(1, told + falselyTold), `of those told, with ${right} right maps`, 1),
      'decode-remedy-named': plain(named / Math.max(1, told), 'of those told'), 'decode-remedy-alone': plain(sole / Math.max(1, told), 'of those told'),
    }
  },
  async scan() {
    const { recall, precision, busSeconds, writes } = await acceptance()
    const many = await population(8)
    process.stderr.write(`models not named: ${Object.entries(many.missed).map(([name, times]) => `${name} ${times} of 8`).join(', ') || 'none'}\n`)
    process.stderr.write(`near misses named: ${many.fooled.join(', ') || 'none'}\n`)
    return {
      'scan-12-recall': atLeast(recall, 'of 8 known', 0.9), 'scan-12-precision': atLeast(precision, 'of those named', 1), 'scan-12-bus-time': atMost(busSeconds, 's', 180), 'scan-12-writes': atMost(writes, 'requests', 0),
      'scan-library-recall': plain(many.right / many.known, `of ${many.known}`), 'scan-library-precision': atLeast((many.right) / Math.max(1, many.named + many.falselyNamed), 'of those named', 1), 'scan-near-misses-named': atMost(many.falselyNamed, `of ${many.nearMisses}`, 0),
    }
  },
  async life() {
    const { firstMessageMs, idleMb } = await life(rounds)
    const packed = await bundledLife(rounds)
    const red = peersAreHere('node-red') ? await nodeRedLife(rounds) : null
    return {
      'first-message': atMost(firstMessageMs, 'ms', 400), 'idle-resident': atMost(idleMb, 'MB', 95),
      'bundle-first-message': atMost(packed.firstMessageMs, 'ms', 150), 'bundle-first-message-changed': plain(packed.changedMs, 'ms'),
      'bundle-idle-resident': atMost(packed.idleMb, 'MB', 75), 'bundle-console-idle-resident': atMost(packed.consoleIdleMb, 'MB', 95),
      ...(red === null ? {} : {
        'bundle-first-reading': plain(packed.firstReadingMs, 'ms'), 'node-red-first-reading': plain(red.firstReadingMs, 'ms'), 'bundle-first-reading/node-red': plain(packed.firstReadingMs / red.firstReadingMs, '×'),
        'node-red-idle-resident': plain(red.idleMb, 'MB'), 'bundle-idle-resident/node-red': plain(packed.idleMb / red.idleMb, '×'),
      }),
    }
  },
}

const args = process.argv.slice(2)
const json = args.includes('--json')
const names = args.filter((name) => name !== '--json')
const unknown = names.filter((name) => !(name in benches))
if (unknown.length > 0) { process.stderr.write(`no bench ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}\n`); process.exit(1) }

const figures: Figures = {}
for (const name of names.length > 0 ? names : Object.keys(benches)) {
  process.stderr.write(`bench: ${name} …\n`)
  Object.assign(figures, await benches[name]!())
}
if (json) process.stdout.write(`${JSON.stringify(figures)}\n`)
else {
  process.stdout.write(`${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} cores of ${cpus()[0]?.model.trim() ?? 'unknown'}\n\n| name | value | unit | target | met |\n|---|---|---|---|---|\n`)
  for (const [name, { value, unit, target, met }] of Object.entries(figures)) process.stdout.write(`| ${name} | ${value} | ${unit} | ${target ?? ''} | ${met === null ? '' : met ? 'yes' : 'no'} |\n`)
}
