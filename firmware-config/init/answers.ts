import { z } from 'zod'
import { filePath, identifier, label, secretRef } from '../../gateway/kit/schema.ts'
import { sections } from '../site/schema.ts'

/** What belongs to other rooms is judged by their own schemas, handed in by the command line. */
export interface AnswerPieces {
  readonly uplinkUrl: z.ZodType<string>
  readonly serialPath: z.ZodType<string>
  readonly host: z.ZodType<string>
  readonly port: z.ZodType<number>
  readonly baudRate: z.ZodType<number>
  readonly parity: z.ZodType<'none' | 'even' | 'odd'>
  readonly unitId: z.ZodType<number>
  readonly topicVariables: z.ZodType<Record<string, string>>
  readonly gpioLine: z.ZodType<number | string>
  readonly gpioChip: z.ZodType<string>
  readonly dutyHours: z.ZodType<readonly string[]>
}

/** The ids that `linli init` gives connections of its own. */
export const brokerId = 'local-broker'
export const pinsId = 'pins'
export const sounderDevice = 'sounder-relay'

/** A dry contact between a line of the box and ground. */
export const contactKinds = ['door', 'smoke', 'leak', 'button'] as const
export type ContactKind = (typeof contactKinds)[number]

/** What `linli init` needs to know; the file for `--answers` holds just this. Short where the site file is long. */
export const answersSchema = (pieces: AnswerPieces) => z.strictObject({
  site: sections.site,
  places: sections.places,
  /** RS-485 lines at a serial port, and Modbus TCP devices or serial servers. */
  lines: z.array(z.strictObject({
    id: identifier, serial: pieces.serialPath.optional(), baudRate: pieces.baudRate.optional(), parity: pieces.parity.optional(), host: pieces.host.optional(), port: pieces.port.optional(),
  }).refine(({ serial, host }) => (serial === undefined) !== (host === undefined), 'give serial: PATH for an RS-485 line, or host: ADDRESS for Modbus TCP')).default([]),
  /** The building's own MQTT broker, inside the gateway. */
  broker: z.strictObject({ host: z.string().min(1).default('127.0.0.1'), port: z.int().min(1).max(65_535).default(1_883) }).optional(),
  devices: z.array(z.strictObject({
    id: identifier, name: label, profile: z.string().min(1), place: identifier.optional(),
    /** Modbus: on which of `lines`, as which unit. */
    line: identifier.optional(), unitId: pieces.unitId.optional(),
    /** MQTT: the device that logs in for it, and what stands in the profile's topics. */
    via: identifier.optional(), variables: pieces.topicVariables.optional(),
  })).default([]),
  gpio: z.strictObject({
    chip: pieces.gpioChip.optional(),
    /** The chip's own pull-up; false where a resistor is fitted, or the box has sysfs only. */
    pull: z.boolean().default(true),
    contacts: z.array(z.strictObject({
      id: identifier, name: label, kind: z.enum(contactKinds), line: pieces.gpioLine, place: identifier.optional(),
      /** How the contact is when all is well: a closed door closes its reed, an NC smoke relay opens on alarm. */
      rest: z.enum(['closed', 'open']).default('closed'),
    })).default([]),
  }).optional(),
  /** A relay or buzzer that sounds for 特急 and 紧急. */
  sounder: z.union([z.strictObject({ line: pieces.gpioLine }), z.strictObject({ point: z.string().regex(/^[a-z0-9-]{1,48}\.[a-z0-9-]{1,48}$/, 'name a point as device.point') })]).optional(),
  people: z.array(z.strictObject({ id: identifier, name: label, role: identifier.optional() })).default([]),
  /** Who of them is on duty when. */
  duty: z.array(z.strictObject({ when: pieces.dutyHours, people: z.array(identifier).min(1) })).default([]),
  platform: z.strictObject({
    url: pieces.uplinkUrl,
    /** The gateway's own certificate, which linli enrol fetches later. */
    certificate: z.boolean().default(false),
    username: z.string().min(1).optional(), password: secretRef.optional(),
    ca: filePath.optional(),
  }).optional(),
  console: z.strictObject({
    host: z.string().min(1).default('127.0.0.1'), port: z.int().min(1).max(65_535).default(8_080),
    hosts: z.array(z.string()).optional(), tls: z.union([z.literal('site-ca'), z.strictObject({ cert: z.string().min(1), key: z.string().min(1) })]).optional(), plainHttp: z.boolean().optional(),
  }).optional(),
})
export type Answers = z.output<ReturnType<typeof answersSchema>>
