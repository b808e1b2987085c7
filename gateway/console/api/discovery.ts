import { z } from 'zod'
import { label, value } from './common.ts'

const model = z.strictObject({ profile: z.string(), name: label, score: z.number(), why: z.array(z.string()).readonly() })
const like = z.strictObject({ profile: z.string(), name: label, score: z.number(), against: z.array(z.string()).readonly() })
const measured = z.strictObject({ id: z.string(), name: label, value: value.nullable(), unit: z.string().optional(), reason: z.string().optional() })

/** `model` null: not identified. `values`: the live read test, once it was made. English where devices and codes speak. */
export const discovered = z.strictObject({
  id: z.string(), where: z.string(), setting: z.string().nullable(), unitId: z.int(), duplicate: z.boolean(), model: model.nullable(), like: like.nullable(), answers: z.array(z.string()).readonly(),
  says: z.record(z.string(), z.string()), values: z.array(measured).readonly().nullable(), finding: z.string().nullable(),
})
export type DiscoveredAnswer = z.output<typeof discovered>

/** `share`: 0..1. `leftMs`: at the pace so far. `ports`: with the connection of the running gateway that has them. */
export const discovery = z.strictObject({
  state: z.enum(['idle', 'running', 'done', 'stopped', 'failed']), target: z.string().nullable(), share: z.number(), leftMs: z.number(), at: z.string().nullable(), devices: z.array(discovered).readonly(),
  servers: z.array(z.strictObject({ url: z.string(), name: z.string(), endpoints: z.array(z.string()).readonly() })).readonly(), warnings: z.array(z.strictObject({ code: z.string(), text: z.string() })).readonly(),
  code: z.string().nullable(), detail: z.string().nullable(), ports: z.array(z.strictObject({ path: z.string(), usedBy: z.string().nullable() })).readonly(),
})
export type DiscoveryAnswer = z.output<typeof discovery>

/** `rtu`: one of the ports, or HOST:PORT of a serial server. `tcp`: addresses. `opcua`: an address. */
export const discoveryOrder = z.strictObject({ kind: z.enum(['rtu', 'tcp', 'opcua']), target: z.string().trim().min(1).max(300), first: z.int().min(0).max(255).default(1), last: z.int().min(0).max(255).default(247) })
export const discoveredOrder = z.strictObject({ id: z.string().min(1).max(20) })
export const discoveredOrders = z.strictObject({ ids: z.array(z.string().min(1).max(20)).min(1).max(500) })
/** `lines`: what is new in the site file. `text`: all of it, for where it cannot be written here. */
export const discoveryProposal = z.strictObject({ file: z.string(), lines: z.array(z.string()).readonly(), text: z.string(), left: z.array(z.strictObject({ id: z.string(), why: z.string() })).readonly(), writable: z.boolean(), devices: z.int() })
export type DiscoveryProposalAnswer = z.output<typeof discoveryProposal>
export const discoverySaved = z.strictObject({ backup: z.string(), devices: z.int() })
