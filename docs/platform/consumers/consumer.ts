// A reference consumer of one city: npm install mqtt, then, with Node 24:
//   node consumer.ts --broker mqtt://127.0.0.1 --store events.log [--ack] [--prefix linli/v1] [--client-id platform] [--ca ca.pem]
// What arrives is on disk before the broker gets its PUBACK; SIGTERM prints what was received and what is missing. User and password come
// from MQTT_USERNAME and MQTT_PASSWORD. The store is a text file, one "topic message" a line: put your database there.
import { createHash } from 'node:crypto'
import { existsSync, fdatasyncSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { zstdDecompressSync } from 'node:zlib'
import mqtt from 'mqtt'

const text = (value: string) => ({ type: 'string', default: value }) as const
const { values: options } = parseArgs({ options: { broker: text('mqtt://127.0.0.1'), store: text('events.log'), prefix: text('linli/v1'), 'client-id': text('platform'), ca: text(''), ack: { type: 'boolean', default: false } } })

/** Records without a hole between them: the seq at both ends, the prevhash of the first, the hash of the last. */
interface Run { readonly from: number; readonly to: number; readonly prev: string; readonly hash: string }
interface Gap { readonly stream: string; readonly epoch: string; readonly from: number; readonly to: number; readonly hashBefore: string; readonly hashAfter: string; readonly uplinks?: readonly string[] }
/** One stream of one epoch of one gateway. `end`: how the next epoch says it ended. */
interface Chain { readonly runs: Run[]; readonly gaps: Gap[]; end?: { readonly seq: number; readonly hash: string } }
/** What is true now, as of `heads`: a record at or below its stream's head is history. `status`: the gateway's word on who it is at this broker. */
interface State { status: { uplink?: string; streams?: readonly string[] }; heads: Record<string, { epoch: string; seq: number }>; values: Record<string, unknown>; alerts: Record<string, unknown>; parts: any[] }
export interface Report { records: number; readings: number; duplicates: number; invalid: number; gaps: number; types: Record<string, number>; holes: string[]; breaks: string[]; state: Record<string, Pick<State, 'values' | 'alerts'>> }

const report: Report = { records: 0, readings: 0, duplicates: 0, invalid: 0, gaps: 0, types: {}, holes: [], breaks: [], state: {} }
const chains = new Map<string, Chain>()
const firstEpochs = new Map<string, string>()
const states = new Map<string, State>()
const entry = <T>(map: Map<string, T>, key: string, make: () => T): T => { if (!map.has(key)) map.set(key, make()); return map.get(key)! }
const chainOf = (source: string, stream: string, epoch: string): Chain => entry(chains, `${source} ${stream} ${epoch}`, () => ({ runs: [], gaps: [] }))
const stateOf = (base: string): State => entry(states, base, () => ({ status: {}, heads: {}, values: {}, alerts: {}, parts: [] }))
const isAfter = (a: { epoch: string; seq: number }, b?: { epoch: string; seq: number }) => !b || a.epoch > b.epoch || (a.epoch === b.epoch && a.seq > b.seq)

/** False for one that was here before: (source, id) names a record for ever. */
function insert({ runs }: Chain, id: string, seq: number, prev: string, hash: string): boolean {
  const at = runs.findLastIndex((run) => run.from <= seq) + 1
  const before = runs[at - 1], after = runs[at]
  if (before && seq <= before.to) return false
  const left = before?.to === seq - 1, right = after?.from === seq + 1
  if ((left && before.hash !== prev) || (right && after.prev !== hash)) report.breaks.push(id)
  runs.splice(at - Number(left), Number(left) + Number(right), { from: left ? before.from : seq, prev: left ? before.prev : prev, to: right ? after.to : seq, hash: right ? after.hash : hash })
  return true
}

/** Walks a chain from its start: what is missing and not declared, and up to where nothing is. A gap must join the hashes on both sides. */
function walk(key: string, { runs, gaps, end }: Chain): { holes: string[]; breaks: string[]; solid: number } {
  const [source, , epoch] = key.split(' ') as [string, string, string]
  // A consumer that came in the middle of an epoch cannot ask for what was before.
  let reached = firstEpochs.get(source)! >= epoch ? (runs[0]?.from ?? (end?.seq ?? 0) + 1) - 1 : 0
  let hash = '', solid = -1
  const holes: string[] = [], breaks: string[] = []
  const hole = (from: number, to: number): void => { holes.push(`${key} ${from}-${to}`); if (solid < 0) solid = from - 1; hash = '' }
  const edges = end ? [...runs, { from: end.seq + 1, to: end.seq, prev: end.hash, hash: end.hash }] : runs
  const known = gaps.toSorted((a, b) => a.from - b.from || b.to - a.to)
  for (const edge of edges) {
    for (const gap of known) {
      if (gap.to <= reached || gap.from >= edge.from) continue
      if (gap.from > reached + 1) hole(reached + 1, gap.from - 1)
      else if (hash && gap.hashBefore && gap.from === reached + 1 && gap.hashBefore !== hash) breaks.push(`${key} ${gap.from}`)
      reached = gap.to
      hash = gap.hashAfter
    }
    if (edge.from > reached + 1) hole(reached + 1, edge.from - 1)
    if (hash && edge.prev && edge.from === reached + 1 && hash !== edge.prev) breaks.push(`${key} ${edge.from}`)
    reached = Math.max(reached, edge.to)
    hash = edge.hash
  }
  return { holes, breaks, solid: solid < 0 ? reached : solid }
}

/** The platform's own state: here the latest value of each point and the open alerts. */
function apply(base: string, event: any, stream: string): void {
  const state = stateOf(base)
  if (!isAfter(event, state.heads[stream])) return
  state.heads[stream] = { epoch: event.epoch, seq: event.seq }
  for (const { point, value } of event.data.readings ?? []) state.values[point] = value
  if (event.type === 'org.linli.alert.v1') { if (event.data.phase === 'closed') delete state.alerts[event.data.id]; else state.alerts[event.data.id] = event.data.title }
}

/** Replaces the current state once all its parts are here, unless we already know of later records. */
function snapshot(base: string, part: any): void {
  const state = stateOf(base)
  state.parts = [...state.parts.filter(({ at, part: number }) => at === part.at && number !== part.part), part]
  if (state.parts.length < part.parts || Object.entries(state.heads).some(([stream, head]) => part.heads[stream] && isAfter(head, part.heads[stream]))) return
  const values = state.parts.flatMap((one) => one.values).map(({ point, value }) => [point, value])
  const alerts = state.parts.flatMap((one) => one.alerts).map(({ id, title }) => [id, title])
  states.set(base, { status: state.status, heads: { ...state.heads, ...part.heads }, values: Object.fromEntries(values), alerts: Object.fromEntries(alerts), parts: [] })
}

/** Live and at the start, from the store. Returns the line to keep, null for a repeat or rubbish, and the chains that may be acknowledged. */
function accept(topic: string, bytes: Uint8Array): { line: Buffer | null; chains: string[] } {
  try {
    const plain = bytes[0] === 0x28 ? zstdDecompressSync(bytes, { maxOutputLength: 16 << 20 }) : Buffer.from(bytes)
    const event = JSON.parse(plain.toString()), base = topic.replace(/\/(up\/[^/]+|snapshot|status)$/, ''), line = Buffer.concat([Buffer.from(`${topic} `), plain, Buffer.from('\n')])
    if (topic.endsWith('/status')) { stateOf(base).status = event; return { line, chains: [] } }
    if (topic.endsWith('/snapshot')) { snapshot(base, event); return { line, chains: [] } }
    const { uplink, streams } = stateOf(base).status
    const [, stream, epoch, seq] = event.id.split('/'), { source, type, data } = event, key = `${source} ${stream} ${epoch}`
    if (event.specversion !== '1.0' || event.epoch !== epoch || String(event.seq) !== seq) throw new TypeError(`not a record: ${event.id}`)
    if (!(firstEpochs.get(source)! <= epoch)) firstEpochs.set(source, epoch)
    if (!insert(chainOf(source, stream, epoch), event.id, event.seq, event.prevhash ?? '', createHash('sha256').update(plain).digest('hex'))) { report.duplicates++; return { line: null, chains: [key] } }
    report.records++
    report.types[type] = (report.types[type] ?? 0) + 1
    report.readings += data.readings?.length ?? 0
    apply(base, event, stream)
    if (type === 'org.linli.epoch.v1') for (const [name, end] of Object.entries<any>(data.streams)) if (!streams || streams.includes(name)) chainOf(source, name, data.closes).end = end
    if (type !== 'org.linli.gap.v1' || (uplink && data.uplinks && !data.uplinks.includes(uplink))) return { line, chains: [key] }
    report.gaps += data.to - data.from + 1
    chainOf(source, data.stream, data.epoch).gaps.push(data)
    return { line, chains: [key, `${source} ${data.stream} ${data.epoch}`] }
  } catch (error) {
    report.invalid++
    console.error(`${topic}: ${String(error)}`)
    return { line: null, chains: [] }
  }
}

if (existsSync(options.store)) {
  const stored = readFileSync(options.store), whole = stored.lastIndexOf(10) + 1
  for (let from = 0, to; from < whole; from = to + 1) { to = stored.indexOf(10, from); const space = stored.indexOf(32, from); accept(stored.toString('utf8', from, space), stored.subarray(space + 1, to)) }
  truncateSync(options.store, whole)
}
const store = openSync(options.store, 'a')
const client = mqtt.connect(options.broker, {
  protocolVersion: 5, clientId: options['client-id'], clean: false, properties: { sessionExpiryInterval: 7 * 86_400 },
  username: process.env.MQTT_USERNAME, password: process.env.MQTT_PASSWORD, ...(options.ca ? { ca: readFileSync(options.ca) } : {}),
})
client.on('error', (error) => console.error(error.message))
client.on('connect', () => client.subscribe(['status', 'snapshot', 'up/#'].map((topic) => `${options.prefix}/+/+/${topic}`), { qos: 1 }, (error) => console.error(error?.message ?? 'ready')))
client.on('message', (topic, payload) => {
  const { line, chains: touched } = accept(topic, payload)
  // The library sends the PUBACK after this handler, so what is acknowledged is on disk. At a high rate sync once for many.
  if (line) { writeSync(store, line); fdatasyncSync(store) }
  if (!options.ack) return
  for (const key of touched) {
    const [, stream, epoch] = key.split(' '), { solid } = walk(key, chains.get(key)!)
    if (solid > 0) client.publish(topic.replace(/\/up\/.*/, '/ack'), JSON.stringify({ stream, epoch, seq: solid }), { qos: 1 })
  }
})
process.on('SIGTERM', () => {
  for (const [key, chain] of chains) { const { holes, breaks } = walk(key, chain); report.holes.push(...holes); report.breaks.push(...breaks) }
  report.state = Object.fromEntries([...states].map(([base, { values, alerts }]) => [base, { values, alerts }]))
  console.log(JSON.stringify(report))
  process.exit(report.holes.length + report.breaks.length > 0 ? 1 : 0)
})
