import type { ConnectionConfig, PointConfig, Sample, Value } from '../contract/index.ts'
import { didYouMean } from '../../firmware-config/site/index.ts'
import { codeOf, ConfigError, createLog, DriverError, keyedHash, readSecret, systemClock as clock, systemRandom as random } from '../kit/index.ts'
import { controlClient } from '../control/client.ts'
import { normalise, toRaw } from '../normalise.ts'
import { driverRegistry } from '../../drivers/registry.ts'
import { paint, print, printJson, stopSignal, table } from './output.ts'
import { readSite, type Site } from './rooms.ts'

interface Found { readonly point: PointConfig; readonly connection: ConnectionConfig }

export interface PointOptions { readonly json?: boolean; readonly timeout: number }

/** `linli read`: through the running gateway, or straight from the device when none runs. Points may be a device or a glob such as `meter.*`. */
export async function read(file: string, patterns: readonly string[], { json, timeout }: PointOptions): Promise<void> {
  const site = await readSite(file)
  const found = patterns.flatMap((pattern) => matching(site, pattern))
  const readings = await fromGateway(site, found) ?? await fromDevices(found, timeout)
  const rows = found.map(({ point }) => ({ point: point.id, ...readings.get(point.id) ?? { value: null, quality: 'bad', reason: 'POINT_NO_VALUE' } }))
  if (rows.some(({ quality }) => quality === 'bad')) process.exitCode = 1
  if (json) return printJson(rows)
  print(table(rows.map(({ point, value, quality, reason }) => [point, value === null ? '–' : String(value), found.find((each) => each.point.id === point)!.point.unit ?? '', quality === 'good' ? '' : paint('yellow', `${quality} ${reason ?? ''}`)])))
}

/** `linli write`: the value in the point's unit. Read back before it says done. */
export async function write(file: string, id: string, text: string, { json, timeout }: PointOptions): Promise<void> {
  const site = await readSite(file)
  const [found] = matching(site, id)
  const value = valueOf(found!.point, text)
  const viaGateway = await controlClient(site.control.socket).write(id, value, timeout).then(() => true, (error: unknown) => { if (codeOf(error) === 'CONTROL_UNREACHABLE') return false; throw error })
  if (!viaGateway) await toDevice(found!, value, timeout)
  if (json) return printJson({ point: id, value, done: true })
  print(`${id} = ${text}${found!.point.unit ? ` ${found!.point.unit}` : ''}  ${paint('green', 'done, and read back')}`)
}

function matching(site: Site, pattern: string): readonly Found[] {
  const all = site.connections.flatMap((connection) => connection.devices.flatMap((device) => device.points.map((point) => ({ point, connection }))))
  const expression = new RegExp(`^${pattern.split('*').map((part) => part.replace(/[^a-z0-9-]/g, '\\$&')).join('.*')}$`)
  const found = all.filter(({ point }) => point.deviceId === pattern || expression.test(point.id))
  if (found.length === 0) throw new ConfigError('POINT_UNKNOWN', `no point "${pattern}" in ${site.file}${didYouMean(pattern, all.map(({ point }) => point.id))}`)
  return found
}

interface Read { readonly value: Value | null; readonly quality: string; readonly reason?: string; readonly at: number }

async function fromGateway(site: Site, found: readonly Found[]): Promise<ReadonlyMap<string, Read> | null> {
  try {
    const readings = new Map((await controlClient(site.control.socket).readings()).map((reading) => [reading.pointId, reading]))
    return new Map(found.flatMap(({ point }) => { const reading = readings.get(point.id); return reading ? [[point.id, reading] as const] : [] }))
  } catch (error) {
    if (codeOf(error) === 'CONTROL_UNREACHABLE') return null
    throw error
  }
}

/** Only what is asked for is polled, and only on the connections it needs. */
async function fromDevices(found: readonly Found[], timeoutMs: number): Promise<ReadonlyMap<string, Read>> {
  const readings = new Map<string, Read>()
  const stop = stopSignal()
  await Promise.all([...Map.groupBy(found, ({ connection }) => connection)].map(async ([connection, wanted]) => {
    const points = new Map(wanted.map(({ point }) => [point.id, point]))
    const signal = AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)])
    const narrow = narrowed(connection, points)
    try {
      await using session = await (await driverRegistry[connection.driver]!.load()).connect(narrow, kitFor(connection), signal)
      for await (const { samples } of session.intake(signal)) {
        for (const sample of samples) take(sample)
        if ([...points.keys()].every((id) => settled(readings.get(id)))) break
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
    function take(sample: Sample): void {
      const point = points.get(sample.pointId)
      if (point) readings.set(point.id, normalise(sample, point, clock.now()))
    }
  }))
  return readings
}

/** A pushed protocol begins with "nothing heard yet": that is waited through. */
const settled = (reading: Read | undefined): boolean => reading !== undefined && !(reading.quality === 'bad' && /NO_MESSAGE_YET|NOT_CONNECTED/.test(reading.reason ?? ''))

async function toDevice({ point, connection }: Found, value: Value, timeoutMs: number): Promise<void> {
  if (!point.writable) throw new DriverError('POINT_NOT_WRITABLE', `${point.id} is read-only; set "writable: true" in its profile or the site file if the device allows writes`)
  const signal = AbortSignal.any([stopSignal(), AbortSignal.timeout(timeoutMs)])
  await using session = await (await driverRegistry[connection.driver]!.load()).connect(narrowed(connection, new Map([[point.id, point]])), kitFor(connection), signal)
  const stop = new AbortController()
  const pump = (async () => { for await (const _ of session.intake(AbortSignal.any([signal, stop.signal]))); })().catch(() => {})
  try {
    await session.write!(point, toRaw(value, point), signal)
  } finally {
    stop.abort()
    await pump
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

function valueOf({ id, type }: PointConfig, text: string): Value {
  if (type === 'string') return text
  const value = type === 'boolean' ? words[text.toLowerCase()] : text.trim() === '' ? undefined : Number(text)
  if (value === undefined || Number.isNaN(value)) throw new DriverError('POINT_VALUE', `"${text}" is no value for ${id}; write ${type === 'boolean' ? 'on or off' : 'a number'}`)
  return value
}
