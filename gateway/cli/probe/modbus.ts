import { openLine } from '../../../drivers/modbus/driver.ts'
import type { Line } from '../../../drivers/modbus/line.ts'
import { identifyReply, identifyRequest, readReply, readRequest, readWriteRequest, writeCoilRequest, writeCoilsRequest, writeRegisterRequest, writeRegistersRequest, writeReply } from '../../../drivers/modbus/pdu.ts'
import { isBitTable } from '../../../drivers/modbus/registers.ts'
import { connection as connectionSchema, type ModbusAddress } from '../../../drivers/modbus/settings.ts'
import { codeOf, ConfigError, createLog, describe, systemClock as clock } from '../../kit/index.ts'
import { paint, print, printJson, stopSignal, table } from '../output.ts'

export interface ModbusProbeOptions { readonly unit: number; readonly baud: number; readonly parity: string; readonly timeout: number; readonly rtu?: boolean; readonly json?: boolean }

const tables = ['coil', 'discrete', 'holding', 'input'] as const
const usage = 'write: read TABLE START [COUNT] | write coil|holding START VALUE… | exchange READ-START COUNT WRITE-START VALUE… | identify | scan [FIRST] [LAST]'

/** `linli probe modbus`: raw requests on a line, for an installer with a laptop. `target` is HOST[:PORT], or a serial device. */
export async function probeModbus(target: string, words: readonly string[], options: ModbusProbeOptions): Promise<void> {
  const signal = stopSignal()
  await using line = openLine(settingsOf(target, options), options.timeout, { clock, log: createLog({ level: 'error' }) }, signal)
  signal.addEventListener('abort', () => void line[Symbol.asyncDispose](), { once: true })
  await line.open()
  const ask = asking(line, options.timeout)
  const [verb, ...rest] = words
  if (verb === 'read') return await readOut(rest, options, ask)
  if (verb === 'write') return await writeOut(rest, options, ask)
  if (verb === 'exchange') return await exchange(rest, options, ask)
  if (verb === 'identify') return await identify(options, ask)
  if (verb === 'scan') return await scan(rest, options, ask, signal)
  throw new ConfigError('PROBE_USAGE', verb === undefined ? usage : `"${verb}" is nothing to do; ${usage}`)
}

function settingsOf(target: string, { baud, parity, timeout, rtu }: ModbusProbeOptions) {
  const [, host, port] = /^(?:tcp:\/\/)?([^:/]+|\[[^\]]+\])(?::(\d+))?$/.exec(target) ?? []
  const parsed = connectionSchema.safeParse(target.startsWith('/')
    ? { transport: 'rtu', path: target, baudRate: baud, parity, timeout: `${timeout}ms` }
    : { transport: rtu ? 'rtu-over-tcp' : 'tcp', host: host?.replace(/^\[|\]$/g, ''), port: port === undefined ? 502 : Number(port), timeout: `${timeout}ms` })
  if (!parsed.success) throw new ConfigError('PROBE_USAGE', `${target}: ${parsed.error.issues.map(({ message }) => message).join('; ')}; give HOST:PORT or /dev/serial/by-id/…`)
  return parsed.data
}

type Ask = (unit: number, pdu: Buffer) => Promise<Buffer>

/** One request after the other, when the line is free for it. */
const asking = (line: Line, timeoutMs: number): Ask => (unit, pdu) => new Promise((resolve, reject) => {
  const go = (): void => {
    if (!line.ready(1)) return
    line.onFree(() => {})
    line.send({ unit, pdu, timeoutMs, settleMs: timeoutMs, pauseMs: 0, pipeline: 1, previous: null, frame: null, done: (error, reply) => { if (error) reject(error); else resolve(Buffer.from(reply!)) } })
  }
  line.onFree(go)
  go()
})

const whole = (text: string | undefined, otherwise: number): number => {
  const value = text === undefined ? otherwise : Number(text)
  if (!Number.isInteger(value) || value < 0 || value > 65_535) throw new ConfigError('PROBE_USAGE', `"${text}" is not 0 to 65535; ${usage}`)
  return value
}

async function readOut([name, first, many]: readonly string[], { unit, json }: ModbusProbeOptions, ask: Ask): Promise<void> {
  const kind = tables.find((each) => each === name)
  if (!kind || first === undefined) throw new ConfigError('PROBE_USAGE', usage)
  const [start, count] = [whole(first, 0), whole(many, 1)]
  const request = readRequest(kind, start, count)
  const data = readReply(request, await ask(unit, request))
  const rows = isBitTable(kind) ? Array.from({ length: count }, (_, index) => ({ register: start + index, value: (data[index >> 3]! >> (index & 7)) & 1 })) : registers(data, start)
  if (json) return printJson(rows)
  if (isBitTable(kind)) return print(table(rows.map(({ register, value }) => [String(register), String(value)])))
  print(table([['REGISTER', 'HEX', 'U16', 'S16', 'U32', 'FLOAT', 'FLOAT (LITTLE)', 'TEXT'], ...(rows as ReturnType<typeof registers>).map((row) => Object.values(row).map(String))]))
}

function registers(data: Buffer, start: number) {
  return Array.from({ length: data.length / 2 }, (_, index) => {
    const at = index * 2
    const pair = at + 4 <= data.length
    const swapped = pair ? Buffer.concat([data.subarray(at + 2, at + 4), data.subarray(at, at + 2)]) : null
    const float = (bytes: Buffer): string => { const value = bytes.readFloatBE(0); return Math.abs(value) > 1e-6 && Math.abs(value) < 1e9 ? value.toPrecision(6) : '' }
    return {
      register: start + index, hex: data.toString('hex', at, at + 2), value: data.readUInt16BE(at), s16: data.readInt16BE(at),
      u32: pair ? data.readUInt32BE(at) : '', float: pair ? float(data.subarray(at)) : '', little: swapped ? float(swapped) : '', text: data.toString('latin1', at, at + 2).replace(/[^\x20-\x7e]/g, '.'),
    }
  })
}

async function writeOut([name, first, ...texts]: readonly string[], { unit, json }: ModbusProbeOptions, ask: Ask): Promise<void> {
  const kind = name as ModbusAddress['table']
  if ((kind !== 'coil' && kind !== 'holding') || first === undefined || texts.length === 0) throw new ConfigError('PROBE_USAGE', usage)
  const start = whole(first, 0)
  const values = texts.map((text) => (kind === 'coil' ? bitOf(text) : whole(text, 0)))
  const data = wordsOf(values)
  const request = kind === 'coil'
    ? values.length === 1 ? writeCoilRequest(start, values[0] === 1) : writeCoilsRequest(start, values.map((value) => value === 1))
    : values.length === 1 ? writeRegisterRequest(start, values[0]!) : writeRegistersRequest(start, data)
  writeReply(request, await ask(unit, request))
  await readOut([kind, String(start), String(values.length)], { unit, json: json ?? false } as ModbusProbeOptions, ask)
}

const bits: Readonly<Record<string, number>> = { 1: 1, on: 1, true: 1, 0: 0, off: 0, false: 0 }

/** A slip of the finger switches nothing. */
function bitOf(text: string): number {
  const bit = bits[text.toLowerCase()]
  if (bit === undefined) throw new ConfigError('PROBE_USAGE', `"${text}" is neither on nor off; ${usage}`)
  return bit
}

function wordsOf(values: readonly number[]): Buffer {
  const data = Buffer.alloc(values.length * 2)
  values.forEach((value, index) => data.writeUInt16BE(value, index * 2))
  return data
}

/** Function 23: writes holding registers and reads others, in one request. */
async function exchange([readStart, count, writeStart, ...texts]: readonly string[], { unit, json }: ModbusProbeOptions, ask: Ask): Promise<void> {
  if (writeStart === undefined || texts.length === 0) throw new ConfigError('PROBE_USAGE', usage)
  const start = whole(readStart, 0)
  const request = readWriteRequest(start, whole(count, 1), whole(writeStart, 0), wordsOf(texts.map((text) => whole(text, 0))))
  const rows = registers(readReply(request, await ask(unit, request)), start)
  if (json) return printJson(rows)
  print(table([['REGISTER', 'HEX', 'U16'], ...rows.map(({ register, hex, value }) => [String(register), hex, String(value)])]))
}

const objectNames = ['vendor', 'product code', 'revision', 'vendor url', 'product name', 'model', 'application']

async function identify({ unit, json }: ModbusProbeOptions, ask: Ask): Promise<void> {
  const objects: Record<string, string> = {}
  for (let next: number | null = 0; next !== null;) {
    const request = identifyRequest(next < 3 ? 1 : 2, next)
    const answer = identifyReply(request, await ask(unit, request))
    for (const [id, text] of answer.objects) objects[objectNames[id] ?? `object ${id}`] = text
    next = answer.next
  }
  if (json) return printJson(objects)
  print(table(Object.entries(objects)))
}

/** Who answers, by a read of one register; an exception is an answer too. */
async function scan([first, last]: readonly string[], { json }: ModbusProbeOptions, ask: Ask, signal: AbortSignal): Promise<void> {
  const [from, to] = [whole(first, 1), whole(last, 247)]
  const found: { unit: number; answer: string }[] = []
  for (let unit = from; unit <= to && !signal.aborted; unit++) {
    if (process.stderr.isTTY) process.stderr.write(`\runit ${unit} of ${to}, ${found.length} found `)
    const request = readRequest('input', 0, 1)
    const answer = await ask(unit, request).then((reply) => { readReply(request, reply); return 'answers' }).catch((error: unknown) => (/TIMEOUT|GATEWAY|CLOSED/.test(codeOf(error)) ? null : codeOf(error) === 'MODBUS_ILLEGAL_ADDRESS' ? 'answers; it has no input register 0' : `answers; ${describe(error)}`))
    if (answer) found.push({ unit, answer })
  }
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
  if (json) return printJson(found)
  print(found.length === 0 ? paint('yellow', `nobody answers from ${from} to ${to}; check power, A and B, baud rate and parity`) : table([['UNIT', ''], ...found.map(({ unit, answer }) => [String(unit), answer])]))
}
