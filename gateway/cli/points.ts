import type { ConnectionConfig, PointConfig, Sample, Value } from '../contract/index.ts'
import { rawRange } from '../../firmware-config/site/index.ts'
import { didYouMean } from '../kit/suggest.ts'
import { codeOf, ConfigError, createLog, DriverError, GatewayError, keyedHash, readSecret, systemClock as clock, systemRandom as random } from '../kit/index.ts'
import { controlClient } from '../control/client.ts'
import { normalise, toRaw } from '../normalise.ts'
import { driverRegistry } from '../../drivers/registry.ts'
import { paint, print, printJson, stopAfter, stopSignal, table } from './output.ts'
import { readSite, type Site } from './rooms.ts'

interface Found { readonly point: PointConfig; readonly connection: ConnectionConfig }

export interface PointOptions { readonly json?: boolean; readonly timeout: number }

/** `linli read`: through the running gateway, or straight from the device when none runs. Points may be a device or a glob such as `meter.*`. */
export async function read(file: string, patterns: readonly string[], { json, timeout }: PointOptions): Promise<void> {
  const site = await readSite(file)
  const found = new Map(patterns.flatMap((pattern) => matching(site, pattern)).map((each) => [each.point.id, each]))
  const readings = await fromGateway(site) ?? await fromDevices([...found.values()], timeout)
  const rows = [...found.keys()].map((id) => { const { value, quality, reason, at } = readings.get(id) ?? unseen; return { point: id, value, quality, ...(reason === undefined ? {} : { reason }), at } })
  if (rows.some(({ quality }) => quality === 'bad')) process.exitCode = 1
  if (json) return printJson(rows)
  print(table(rows.map(({ point, value, quality, reason }) => [point, value === null ? '–' : String(value), found.get(point)!.point.unit ?? '', quality === 'good' ? '' : paint('yellow', `${quality} ${reason ?? ''}`)])))
}

/** `linli write`: the value in the point's unit. Read back before it says done. */
export async function write(file: string, id: string, text: string, { json, timeout }: PointOptions): Promise<void> {
  const site = await readSite(file)
  const [found, ...others] = matching(site, id)
  // A device's id or a pattern would write the first of many, which nobody meant.
  if (others.length > 0 || found!.point.id !== id) throw new ConfigError('POINT_UNKNOWN', `"${id}" is no single point; write one at a time, such as ${found!.point.id}`)
  const value = valueOf(found!.point, text)
  const viaGateway = await controlClient(site.control.socket).write(id, value, timeout).then(() => true, (error: unknown) => { if (codeOf(error) === 'CONTROL_UNREACHABLE') return false; throw error })
  if (!viaGateway) await toDevice(found!, value, timeout)
  if (json) return printJson({ point: id, value, done: true })
  print(`${id} = ${String(value)}${found!.point.unit ? ` ${found!.point.unit}` : ''}  ${paint('green', 'done, and read back')}`)
}

function matching(site: Site, pattern: string): readonly Found[] {
  const all = site.connections.flatMap((connection) => connection.devices.flatMap((device) => device.points.map((point) => ({ point, connection }))))
  const expression = new RegExp(`^${pattern.split('*').map((part) => part.replace(/[^a-zA-Z0-9-]/g, '\\$&')).join('.*')}$`)
  const found = all.filter(({ point }) => point.deviceId === pattern || expression.test(point.id))
  if (found.length === 0) throw new ConfigError('POINT_UNKNOWN', `no point "${pattern}" in ${site.file}${didYouMean(pattern, all.flatMap(({ point }) => [point.id, point.deviceId]))}`)
  return found
}

interface Read { readonly value: Value | null; readonly quality: string; readonly reason?: string; readonly at: number | null }
const unseen: Read = { value: null, quality: 'bad', reason: 'POINT_UNSEEN', at: null }

async function fromGateway(site: Site): Promise<ReadonlyMap<string, Read> | null> {
  try {
    return new Map((await controlClient(site.control.socket).readings()).map((reading) => [reading.pointId, reading]))
  } catch (error) {
    if (codeOf(error) === 'CONTROL_UNREACHABLE') return null
    throw error
  }
}

/** Only what is asked for is polled, and only on the connections it needs. One that cannot be opened costs the others nothing. */
async function fromDevices(found: readonly Found[], timeoutMs: number): Promise<ReadonlyMap<string, Read>> {
  const readings = new Map<string, Read>()
  const stop = stopSignal()
  await Promise.all([...Map.groupBy(found, ({ connection }) => connection)].map(async ([connection, wanted]) => {
    const points = new Map(wanted.map(({ point }) => [point.id, point]))
    const signal = stopAfter(stop, timeoutMs)
    const narrow = narrowed(connection, points)
    const waits = waiting(connection)
    if (waits) tell(`no gateway runs, so this command does its part for up to ${timeoutMs / 1_000} s: ${waits}`)
    try {
      await using session = await (await driverRegistry[connection.driver]!.load()).connect(narrow, kitFor(connection), signal)
      for await (const { samples } of session.intake(signal)) {
        for (const sample of samples) take(sample)
        if ([...points.keys()].every((id) => settled(readings.get(id)))) break
      }
    } catch (error) {
      if (signal.aborted) return
      // Our own faults are not the device's.
      if (!(error instanceof GatewayError)) throw error
      tell(`${connection.id}: ${error.code} ${error.message}`)
      for (const id of points.keys()) readings.set(id, { value: null, quality: 'bad', reason: error.code, at: clock.now() })
    }
    function take(sample: Sample): void {
      const point = points.get(sample.pointId)
      if (point) readings.set(point.id, normalise(sample, point, clock.now()))
    }
  }))
  return readings
}

/** What the installer should know of a connection that is not asked but listened to; null where devices are asked. */
function waiting({ id, settings }: ConnectionConfig): string | null {
  const { mode, listen, url, transport } = settings as { readonly mode?: string; readonly listen?: { readonly host: string; readonly port: number }; readonly url?: string; readonly transport?: string }
  if (mode === 'broker') return `${id} opens the local broker${listen ? ` on ${listen.host}:${listen.port}` : ''} and waits for the devices to connect and say something; they are not acknowledged, so they say it again to the gateway`
  if (mode === 'client') return `${id} listens to ${url ?? 'the broker'} and waits for the devices to say something`
  if (transport === 'dtu') return `${id} waits on ${listen?.host}:${listen?.port} for the modem to dial in`
  return null
}

const tell = (text: string): void => { process.stderr.write(`${paint('yellow', text, process.stderr)}\n`) }

/** A pushed protocol begins with "nothing heard yet": that is waited through. */
const settled = (reading: Read | undefined): boolean => reading !== undefined && !(reading.quality === 'bad' && /NO_MESSAGE_YET|NOT_CONNECTED/.test(reading.reason ?? ''))

async function toDevice({ point, connection }: Found, value: Value, timeoutMs: number): Promise<void> {
  const stopped = stopSignal()
  const signal = stopAfter(stopped, timeoutMs)
  const waits = waiting(connection)
  if (waits) tell(`no gateway runs, so this command does its part for up to ${timeoutMs / 1_000} s: ${waits}`)
  try {
    await using session = await (await driverRegistry[connection.driver]!.load()).connect(narrowed(connection, new Map([[point.id, point]])), kitFor(connection), signal)
    if (!session.write) throw new DriverError('POINT_NOT_WRITABLE', `${point.id}: driver ${connection.driver} cannot write`)
    const stop = new AbortController()
    const pump = (async () => { for await (const _ of session.intake(AbortSignal.any([signal, stop.signal]))); })().catch(() => {})
    try {
      await session.write(point, toRaw(value, point), signal)
    } finally {
      stop.abort()
      await pump
    }
  } catch (cause) {
    if (cause instanceof GatewayError || !signal.aborted) throw cause
    throw new DriverError(stopped.aborted ? 'WRITE_EXPIRED' : 'WRITE_TIMEOUT', `${point.id} on ${connection.id} was not confirmed${stopped.aborted ? ' when you stopped it' : ` within ${timeoutMs / 1_000} s`}; it may or may not have been done: read it before writing again`, { cause })
  }
}

const narrowed = (connection: ConnectionConfig, points: ReadonlyMap<string, PointConfig>): ConnectionConfig => ({
  ...connection,
  devices: connection.devices.flatMap((device) => { const some = device.points.filter(({ id }) => points.has(id)); return some.length > 0 ? [{ ...device, points: some }] : [] }),
})

function kitFor({ id }: ConnectionConfig) {
  return { clock, random, log: createLog({ level: 'error' }).child({ connection: id }), hashIdentity: (value: string) => keyedHash(Buffer.from(id), value), readSecret, recall: async () => undefined }
}

const words: Readonly<Record<string, boolean>> = { true: true, on: true, 1: true, false: false, off: false, 0: false }

/** What `text` means for the point. Throws DriverError POINT_NOT_WRITABLE or POINT_VALUE before anything is sent. */
export function valueOf(point: PointConfig, text: string): Value {
  const { id, type, writable, unit = '', min, max } = point
  const refuse = (why: string): never => { throw new DriverError('POINT_VALUE', `"${text}" cannot be written to ${id}: ${why}`) }
  if (!writable) throw new DriverError('POINT_NOT_WRITABLE', `${id} is read-only; set "writable: true" in its profile or the site file if the device allows writes`)
  if (type === 'string') return text
  if (type === 'boolean') return words[text.trim().toLowerCase()] ?? refuse('write on or off')
  const value = text.trim() === '' ? NaN : Number(text)
  if (!Number.isFinite(value)) return refuse(`write a number${unit === '' || unit === '1' ? '' : ` in ${unit}`}`)
  if (value < (min ?? -Infinity) || value > (max ?? Infinity)) return refuse(`allowed is ${min ?? 'anything'} to ${max ?? 'anything'} ${unit}`)
  const range = rawRange(point.address)
  if (!range) return value
  const raw = toRaw(value, point) as number
  if (!Number.isInteger(raw)) return refuse(`the device knows steps of ${Math.abs(point.scale)} ${unit}; write a multiple`)
  if (raw < range.low || raw > range.high) return refuse(`the device holds ${[range.low, range.high].map((end) => Number((end * point.scale + point.offset).toPrecision(12))).toSorted((a, b) => a - b).join(' to ')} ${unit} (format ${range.format})`)
  return value
}
