import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { FoundDevice, Place } from '../../drivers/modbus/scan/events.ts'
import { examine, lookAt } from '../../drivers/modbus/scan/look.ts'
import { readTest, type ReadTest } from '../../drivers/modbus/scan/read-test.ts'
import type { ModbusConfig, ModbusDevice } from '../../drivers/modbus/settings.ts'
import { editEntry } from '../../firmware-config/points-csv/edit.ts'
import type { PlainObject } from '../../firmware-config/site/plain.ts'
import { controlClient } from '../control/client.ts'
import { codeOf, ConfigError, describe, DriverError } from '../kit/index.ts'
import { didYouMean } from '../kit/suggest.ts'
import { scanLibrary } from '../main/discovery/library.ts'
import { openPlace, patientMs } from '../main/discovery/lines.ts'
import { saveProposal } from '../main/discovery/save.ts'
import { hasTerminal, languageOfTerminal, openTerminal } from './ask/terminal.ts'
import { paint, print, printJson } from './output.ts'
import { alone, assertKnown, type ReplaceCommand, type Replaced } from './replace-address.ts'
import { readSite, type Site } from './rooms.ts'

interface Target { readonly connection: ModbusConfig; readonly device: ModbusConfig['devices'][number]; /** In their lists. */ readonly deviceAt: number; readonly connectionAt: number }

/** `linli replace`: another piece of hardware with the same points and history. Nothing is written before the new one was read. */
export async function replace(id: string, file: string, options: ReplaceCommand): Promise<void> {
  if ([options.unit, options.endpoint, options.serial, options.variable, options.root, options.line].every((each) => each === undefined)) throw new ConfigError('REPLACE_USAGE', 'say what is new: --serial NUMBER; of a Modbus device --unit N or --endpoint HOST:PORT (or a serial port), of MQTT --variable NAME=VALUE, of OPC UA --endpoint URL or --root NODE, of GPIO --line LINE')
  if (options.json && !options.yes) throw new ConfigError('REPLACE_USAGE', 'with --json nobody is asked; give --yes as well')
  const before = await readFile(file, 'utf8').catch((cause: unknown) => { throw new ConfigError('REPLACE_USAGE', `${file} cannot be read (${describe(cause)})`, { cause }) })
  const found = await find(id, file, before)
  assertKnown(found, options)
  if (found.connection.driver !== 'modbus') return (await import('./replace-others.ts')).replaceOther({ file, before, target: found, options, agreed: () => agreed(id), record: async (reason) => record(await readSite(file), id, reason, options) })
  const target = found as Target
  const text = edited(before, target, options)
  const site = text === before ? await readSite(file) : await readSite(file, { text })
  const connection = site.connections.find((each) => each.id === target.connection.id)! as ModbusConfig
  const device = connection.devices.find((each) => each.id === id)!
  if (!options.json) print(`reading unit ${device.settings.unitId} on connection ${connection.id}; nothing is written to the device`)
  const checked = await look(connection, device, path.dirname(path.resolve(file)))
  const objection = judge(device, checked)
  if (objection && !options.force) throw objection
  const lines = difference(before, text)
  if (!options.json) {
    for (const { id: point, value, unit, reason } of checked.test.points) print(`  ${id}.${point.slice(point.indexOf('.') + 1)}  ${value === null ? `– ${reason ?? ''}` : `${String(value)} ${unit === undefined || unit === '1' ? '' : unit}`}`)
    print(objection ? paint('yellow', `forced: ${describe(objection)}`) : paint('green', checked.found?.identified ? `it is a ${checked.found.identified.profile} (${checked.found.identified.score} of 100), as before` : 'it answers, and its values are plausible'))
    for (const line of lines) print(paint(line.startsWith('+') ? 'green' : 'red', line))
    if (lines.length === 0) print('the site file stays as it is; points and history go on')
  }
  if (!options.yes && !await agreed(`${id}`)) { process.exitCode = 1; return print(paint('yellow', 'nothing was changed; --yes goes on without asking')) }
  const backup = text === before ? null : (await saveProposal({ file, before, text })).backup
  const recorded = await record(site, id, reasonOf(target, device, options), options)
  if (options.json) return printJson({ ok: true, device: id, unitId: { from: target.device.settings.unitId, to: device.settings.unitId }, backup, recorded, changed: lines, values: checked.test.points, identified: checked.found?.identified?.profile ?? null })
  print(`${paint('green', `${id} is replaced`)}: same points, same history.${backup === null ? '' : ` The old file is ${backup}. It takes effect with linli apply ${file} --site ${file}, or at the next start.`}`)
  print(recorded ? 'Written down as maintenance of 15 minutes; linli events shows it.' : options.by === undefined ? `To write it down: linli maintenance begin --device ${id} --for 15m --reason "${reasonOf(target, device, options)}" --by ID` : paint('yellow', 'the gateway does not run, so nothing was written down there'))
}

async function find(id: string, file: string, text: string): Promise<Replaced> {
  let root: unknown
  const site = await readSite(file, { text, override: (raw) => (root = raw) })
  const all = site.connections.flatMap((connection) => connection.devices.map((device) => ({ connection, device })))
  const found = all.find(({ device }) => device.id === id)
  if (!found) throw new ConfigError('REPLACE_USAGE', `no device "${id}" in ${file}${didYouMean(id, all.map(({ device }) => device.id)) || '; linli check and linli status list them'}`)
  const { devices, connections } = root as { readonly devices: readonly { readonly id: string }[]; readonly connections: readonly { readonly id: string }[] }
  return { ...found, deviceAt: devices.findIndex((each) => each.id === id), connectionAt: connections.findIndex((each) => each.id === found.connection.id) }
}

/** Throws ConfigError REPLACE_USAGE for an address that other devices share. */
function edited(text: string, { connection, device, deviceAt, connectionAt }: Target, { unit, endpoint }: ReplaceCommand): string {
  const withUnit = unit === undefined || unit === device.settings.unitId ? text : editEntry(text, 'devices', deviceAt, { unitId: unit })
  if (endpoint === undefined) return withUnit
  alone({ connection, device, deviceAt, connectionAt }, endpoint)
  return editEntry(withUnit, 'connections', connectionAt, endpointKeys(connection, endpoint))
}

function endpointKeys({ id, settings }: ModbusConfig, endpoint: string): PlainObject {
  if (settings.transport === 'rtu') return { path: endpoint }
  const match = /^(?:\[([^\]]+)\]|([^:\s/]+))(?::(\d{1,5}))?$/.exec(endpoint)
  if (!match || settings.transport === 'dtu') throw new ConfigError('REPLACE_USAGE', settings.transport === 'dtu' ? `connection ${id} waits for a modem that dials in: change its registration in the site file` : `"${endpoint}" is no HOST or HOST:PORT`)
  return { host: match[1] ?? match[2]!, ...(match[3] === undefined ? {} : { port: Number(match[3]) }) }
}

interface Checked { readonly found: FoundDevice | null; readonly test: ReadTest }

/** Reads only. Throws DriverError REPLACE_SILENT, and what the line throws. */
async function look({ settings }: ModbusConfig, device: ModbusConfig['devices'][number], folder: string): Promise<Checked> {
  const { unitId, maxRegisters, maxBits } = device.settings as ModbusDevice
  const { transport } = settings
  if (transport === 'dtu') throw new ConfigError('REPLACE_USAGE', `${device.id} is behind a modem that dials in; it cannot be looked at from here`)
  const place: Place = transport === 'rtu' ? { transport, path: settings.path!, setting: settings } : { transport, host: settings.host!, port: settings.port }
  await using line = await openPlace(place)
  const seen = await lookAt(line, unitId, device.points[0]?.address.table === 'coil' ? 'coil' : device.points[0]?.address.table === 'input' ? 'input' : 'holding', patientMs)
  if (seen.here === 'no' || seen.here === 'gateway') throw new DriverError('REPLACE_SILENT', `${device.id}: nobody answers as unit ${unitId} at ${whereOf(place)}; check power, wiring and the address set on the device. Nothing was changed`, { retriable: true })
  const found = device.profile === undefined ? null : await examine(line, { unit: unitId, place, baudRate: transport === 'rtu' ? settings.baudRate : null, library: await scanLibrary([path.join(folder, 'profiles')]), timeoutMs: patientMs, seen })
  return { found, test: await readTest(line, unitId, { points: device.points, maxRegisters, maxBits }, patientMs) }
}

const whereOf = (place: Place): string => (place.transport === 'rtu' ? place.path : `${place.host}:${place.port}`)

/** Why it may not be the right one; null where nothing speaks against it. */
function judge({ id, profile, points, settings }: ModbusConfig['devices'][number], { found, test }: Checked): DriverError | null {
  const forced = 'Nothing was changed; --force does it all the same'
  if (found?.duplicate) return new DriverError('REPLACE_MODEL', `${id}: two devices answer as unit ${settings.unitId}; take the old one off the line first. ${forced}`)
  if (found?.identified && found.identified.profile !== profile) return new DriverError('REPLACE_MODEL', `${id} is a ${profile}, and what answers is a ${found.identified.profile} (${found.identified.why.slice(0, 2).join('; ')}). ${forced}`, { values: { expected: profile, seen: found.identified.profile } })
  const readable = test.points.filter(({ value }) => value !== null)
  if (readable.length * 2 < test.points.length) return new DriverError('REPLACE_MODEL', `${id}: only ${readable.length} of ${test.points.length} points can be read from the new device, so it is hardly a ${profile ?? 'device of this kind'}. ${forced}`)
  const odd = readable.filter(({ id: point, value }) => { const { min, max } = points.find((each) => each.id === point) ?? {}; return typeof value === 'number' && (value < (min ?? -Infinity) || value > (max ?? Infinity)) })
  if (odd.length > 0) return new DriverError('REPLACE_IMPLAUSIBLE', `${id}: ${odd.map(({ id: point, value }) => `${point} is ${String(value)}`).join(', ')}, out of its range. ${forced}`)
  return test.finding ? new DriverError('REPLACE_IMPLAUSIBLE', `${test.finding.text}. ${forced}`) : null
}

/** Lines that go and lines that come; a change of keys moves nothing else. */
function difference(before: string, after: string): readonly string[] {
  const [old, fresh] = [before.split('\n'), after.split('\n')]
  return [...old.filter((line) => !fresh.includes(line)).map((line) => `- ${line}`), ...fresh.filter((line) => !old.includes(line)).map((line) => `+ ${line}`)]
}

async function agreed(id: string): Promise<boolean> {
  if (!hasTerminal()) return false
  const { put } = await openTerminal(languageOfTerminal, 'give --yes')
  const reply = await put({ kind: 'yes', ask: { zh: `更换 ${id} 吗`, en: `Replace ${id}` }, initial: false })
  return typeof reply !== 'string' && reply.answer === true
}

const reasonOf = ({ device: old }: Pick<Target, 'device'>, fresh: ModbusConfig['devices'][number], { serial, oldSerial, endpoint }: ReplaceCommand): string => [
  'replaced', ...(serial === undefined ? [] : [`serial ${oldSerial ?? 'unknown'} -> ${serial}`]),
  ...(old.settings.unitId === fresh.settings.unitId ? [] : [`unit ${old.settings.unitId} -> ${fresh.settings.unitId}`]), ...(endpoint === undefined ? [] : [`now at ${endpoint}`]),
].join(', ').slice(0, 200)

/** In the running gateway's log, as maintenance of the device: what it tells while people work on it makes no sound. False where none runs. */
async function record({ control }: Site, id: string, reason: string, options: ReplaceCommand): Promise<boolean> {
  if (options.by === undefined) return false
  try {
    await controlClient(control.socket).orderMaintenance({ action: 'begin', device: id, forMs: 900_000, reason, by: options.by })
    return true
  } catch (error) {
    if (codeOf(error) === 'CONTROL_UNREACHABLE') return false
    throw error
  }
}
