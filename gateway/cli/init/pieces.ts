import type { z } from 'zod'
import { uplinkSchema } from '../../../cloud-sync/schema.ts'
import { connection as gpioConnection, point as gpioPoint } from '../../../drivers/gpio/settings.ts'
import { connection as modbusConnection, device as modbusDevice } from '../../../drivers/modbus/settings.ts'
import { device as mqttDevice } from '../../../drivers/mqtt/settings.ts'
import { answersSchema, type AnswerPieces } from '../../../firmware-config/init/answers.ts'
import { check } from '../../../firmware-config/site/check.ts'
import { shiftSchema } from '../../../rules/people/schema.ts'

/** Each room's own schema of what it is asked: what `linli check` accepts and refuses, the wizard accepts and refuses. */
export const pieces = {
  uplinkUrl: uplinkSchema.shape.url,
  serialPath: modbusConnection.shape.path.unwrap(), host: modbusConnection.shape.host.unwrap(), port: modbusConnection.shape.port,
  baudRate: modbusConnection.shape.baudRate, parity: modbusConnection.shape.parity, unitId: modbusDevice.shape.unitId,
  topicVariables: mqttDevice.shape.variables.unwrap(), gpioLine: gpioPoint.shape.line, gpioChip: gpioConnection.shape.chip.unwrap(),
  dutyHours: shiftSchema.shape.plan.element.shape.when,
} satisfies AnswerPieces

export const answers = answersSchema(pieces)

/** The first thing that `linli check` would say of a value; null when nothing. */
export function firstProblem(schema: z.ZodType, value: unknown): string | null {
  const found: string[] = []
  check(schema, value, (_, message) => { found.push(typeof message === 'string' ? message : message()) })
  return found[0] ?? null
}
