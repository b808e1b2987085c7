// npm run bench [-- --json] [NAME…]: the figures of docs/benchmarks.md. Nothing else should run beside it.
import { cpus } from 'node:os'
import { drain } from './drain.ts'
import { ingest } from './ingest.ts'
import { life } from './life.ts'
import { modbusPolls } from './modbus.ts'
import { median } from './processes.ts'

interface Figure { readonly value: number; readonly unit: string; readonly target: number | null; readonly met: boolean | null }
type Figures = Record<string, Figure>

const round = (value: number): number => (value >= 100 ? Math.round(value) : Math.round(value * 100) / 100)
const atLeast = (value: number, unit: string, target: number): Figure => ({ value: round(value), unit, target, met: value >= target })
const atMost = (value: number, unit: string, target: number): Figure => ({ value: round(value), unit, target, met: value <= target })
const plain = (value: number, unit: string): Figure => ({ value: round(value), unit, target: null, met: null })
const rounds = 5

const benches: Readonly<Record<string, () => Promise<Figures>>> = {
  async ingest() {
    const packed: { perSecond: number; cpuPer100k: number }[] = []
    const single: typeof packed = []
    for (let turn = 0; turn < rounds; turn++) { packed.push(await ingest(100_000)); single.push(await ingest(40_000, 1)) }
    const of = (list: typeof packed, key: 'perSecond' | 'cpuPer100k'): number => median(list.map((item) => item[key]))
    return {
      'ingest-packed': atLeast(of(packed, 'perSecond'), 'readings/s', 25_000), 'ingest-packed-cpu': plain(of(packed, 'cpuPer100k'), 's/100k'),
      'ingest-unpacked': plain(of(single, 'perSecond'), 'readings/s'), 'ingest-unpacked-cpu': plain(of(single, 'cpuPer100k'), 's/100k'),
      'ingest-packed/unpacked': plain(of(packed, 'perSecond') / of(single, 'perSecond'), '×'),
    }
  },
  async drain() {
    const rates: number[] = []
    for (let turn = 0; turn < rounds; turn++) rates.push(await drain(500_000))
    return { drain: atLeast(median(rates), 'readings/s', 300_000) }
  },
  async modbus() {
    const { ours, peer } = await modbusPolls()
    return {
      'modbus-polls': plain(ours.perSecond, 'polls/s'), 'modbus-serial-polls': plain(peer.perSecond, 'polls/s'), 'modbus-polls/serial': atLeast(ours.perSecond / peer.perSecond, '×', 1),
      'modbus-cpu': plain(ours.cpuUs, 'µs/poll'), 'modbus-serial-cpu': plain(peer.cpuUs, 'µs/poll'),
    }
  },
  async life() {
    const { firstMessageMs, idleMb } = await life(rounds)
    return { 'first-message': atMost(firstMessageMs, 'ms', 400), 'idle-resident': atMost(idleMb, 'MB', 95) }
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
