import { z } from 'zod'
import type { ConnectionConfig, DeviceConfig } from '../../gateway/contract/index.ts'
import { duration } from '../../gateway/kit/schema.ts'

/** A DTU's packet: plain text, or `hex:01 02 ab`. */
const packet = z.string().min(1).max(128).regex(/^(?!hex:)|^hex:( ?[0-9a-fA-F]{2})+$/, 'write text, or bytes as hex:01 02 ab')
const keysOf = { tcp: ['host'], rtu: ['path'], 'rtu-over-tcp': ['host'], dtu: ['listen', 'registration'] } as const

export const connection = z.strictObject({
  /** `tcp`: Modbus TCP. `rtu`: a serial port. `rtu-over-tcp`: RTU frames through a serial server. `dtu`: a modem dials in to the gateway. */
  transport: z.enum(['tcp', 'rtu', 'rtu-over-tcp', 'dtu']).default('tcp'),
  host: z.string().min(1).optional(),
  port: z.int().min(1).max(65_535).default(502),
  /** A name that survives renumbering: /dev/serial/by-id/… or /dev/serial/by-path/…. */
  path: z.string().min(1).optional(),
  baudRate: z.int().min(300).max(1_000_000).default(9_600),
  parity: z.enum(['none', 'even', 'odd']).default('none'),
  dataBits: z.union([z.literal(7), z.literal(8)]).default(8),
  stopBits: z.union([z.literal(1), z.literal(2)]).default(1),
  /** Where modems dial in; several connections may share it, told apart by their registration. */
  listen: z.strictObject({ host: z.string().min(1).default('0.0.0.0'), port: z.int().min(0).max(65_535) }).optional(),
  /** What the modem says first. */
  registration: packet.optional(),
  /** What the modem says now and then; left out of the frames. */
  heartbeat: packet.optional(),
  /** How long a device may take to begin its answer. */
  timeout: duration.default(1_000),
  connectTimeout: duration.default(3_000),
  /** Some devices want to be left alone after a connect, and between requests. */
  pauseAfterConnect: duration.default(0),
  pauseBetweenRequests: duration.default(0),
}).superRefine((value, context) => {
  for (const key of keysOf[value.transport]) if (value[key] === undefined) context.addIssue({ code: 'custom', path: [key], message: `transport ${value.transport} needs ${key}` })
})

export const device = z.strictObject({
  unitId: z.int().min(0).max(255),
  /** Largest read of this device: 16-bit registers, and coils or discrete inputs. */
  maxRegisters: z.int().min(1).max(125).default(125),
  maxBits: z.int().min(1).max(2_000).default(2_000),
  /** Registers or bits nobody asked for that one request may bridge; 0 for a device that refuses to read across holes. Default: what costs less than another request. */
  maxGap: z.int().min(0).max(124).optional(),
  /** Instead of the connection's, for a slow device. */
  timeout: duration.optional(),
  /** For its first answer after a connect or a failure: devices that sleep. */
  firstTimeout: duration.optional(),
  /** No answer comes later than this; after a failure the line stays silent so long. Default: the timeout. */
  worstLatency: duration.optional(),
  /** What it usually takes to begin an answer; for the forecast of `linli check`. */
  turnaround: duration.default(20),
  pauseBetweenRequests: duration.optional(),
  /** Asked again so often before a read has failed; a device that is offline is asked once. */
  retries: z.int().min(0).max(5).default(1),
  /** Requests in the air at once, Modbus TCP only. Many devices answer one at a time. */
  pipeline: z.int().min(1).max(16).default(1),
  /** It knows function 22, so that a single bit is written without a read before it. */
  maskWrite: z.boolean().default(false),
})

export const formats = ['bool', 'u16', 's16', 'u32', 's32', 'u64', 's64', 'f32', 'f64', 'string'] as const
export type Format = (typeof formats)[number]

export const point = z.strictObject({
  table: z.enum(['coil', 'discrete', 'holding', 'input']),
  /** Zero-based protocol address. */
  register: z.int().min(0).max(65_535),
  format: z.enum(formats).optional(),
  /** Which 16-bit word comes first in 32 and 64 bits. */
  wordOrder: z.enum(['big', 'little']).default('big'),
  byteSwap: z.boolean().default(false),
  /** One bit of a register, 0 the lowest. */
  bit: z.int().min(0).max(15).optional(),
  /** Registers of a string, two bytes each. */
  length: z.int().min(1).max(125).optional(),
})

export type ModbusConnection = z.output<typeof connection>
export type ModbusDevice = z.output<typeof device>
export type ModbusAddress = z.output<typeof point>
export type ModbusConfig = ConnectionConfig<ModbusConnection, ModbusDevice, ModbusAddress>
export type ModbusDeviceConfig = DeviceConfig<ModbusDevice, ModbusAddress>
