import { z } from 'zod'
import { planAnswer } from './change.ts'
import { label, value } from './common.ts'

const model = z.strictObject({ profile: z.string(), name: label, score: z.number(), why: z.array(z.string()).readonly() })
const like = z.strictObject({ profile: z.string(), name: label, score: z.number(), against: z.array(z.string()).readonly() })
const measured = z.strictObject({ id: z.string(), name: label, value: value.nullable(), unit: z.string().optional(), reason: z.string().optional() })
const node = z.strictObject({ node: z.string(), name: z.string(), path: z.string(), type: z.enum(['number', 'boolean', 'string']), value: z.string() })

/**
 * `model` null: not identified. `values`: the live read test, once it was made. `known`: the site file has it. `offers`, `certificate`, `nodes`: of an OPC UA
 * server, how to be let in, a certificate that waits for trust, its variables. English where devices and codes speak.
 */
export const discovered = z.strictObject({
  id: z.string(), kind: z.enum(['modbus', 'mqtt', 'opcua', 'refused']), where: z.string(), setting: z.string().nullable(), unitId: z.int().nullable(), duplicate: z.boolean(), model: model.nullable(), like: like.nullable(), answers: z.array(z.string()).readonly(),
  says: z.record(z.string(), z.string()), values: z.array(measured).readonly().nullable(), finding: z.string().nullable(), known: z.string().nullable(),
  offers: z.array(z.string()).readonly(), certificate: z.strictObject({ thumbprint: z.string() }).nullable(), nodes: z.array(node).readonly().nullable(),
})
export type DiscoveredAnswer = z.output<typeof discovered>

/** `share`: 0..1. `leftMs`: at the pace so far. `ports`: with the connection of the running gateway that has them. `trial`: the configuration on trial. */
export const discovery = z.strictObject({
  state: z.enum(['idle', 'running', 'done', 'stopped', 'failed']), target: z.string().nullable(), share: z.number(), leftMs: z.number(), at: z.string().nullable(), devices: z.array(discovered).readonly(),
  warnings: z.array(z.strictObject({ code: z.string(), text: z.string() })).readonly(), code: z.string().nullable(), detail: z.string().nullable(),
  ports: z.array(z.strictObject({ path: z.string(), usedBy: z.string().nullable() })).readonly(), buses: z.array(z.string()).readonly(), trial: z.int().nullable(),
})
export type DiscoveryAnswer = z.output<typeof discovery>

/** `rtu`: one of the ports, or HOST:PORT of a serial server. `tcp`: addresses. `mqtt`: a connection of the site file, or HOST:PORT of a broker. `opcua`: an address. */
export const discoveryOrder = z.strictObject({ kind: z.enum(['rtu', 'tcp', 'mqtt', 'opcua']), target: z.string().trim().min(1).max(300), first: z.int().min(0).max(255).default(1), last: z.int().min(0).max(255).default(247), seconds: z.int().min(5).max(600).default(30) })
const id = z.string().min(1).max(20)
/** Of OPC UA, `security`: one of `offers`; `trust`: the thumbprint that was compared with the server's. */
export const discoveredOrder = z.strictObject({ id, security: z.string().max(80).optional(), trust: z.string().regex(/^[0-9a-f]{40}$/).optional() })
/** `nodes`: by id, what to read of an OPC UA server. */
export const discoveredOrders = z.strictObject({ ids: z.array(id).min(1).max(500), nodes: z.record(id, z.array(z.string().max(1_000)).max(300)).default({}) })
/** `lines`: what is new in the site file. `text`: all of it, for where it cannot be written here. */
export const discoveryProposal = z.strictObject({ file: z.string(), lines: z.array(z.string()).readonly(), text: z.string(), left: z.array(z.strictObject({ id: z.string(), why: z.string() })).readonly(), writable: z.boolean(), devices: z.int(), plan: planAnswer.shape.plan })
export type DiscoveryProposalAnswer = z.output<typeof discoveryProposal>
/** `configuration`: its number, on trial. `devices`: their ids. */
export const discoverySaved = z.strictObject({ configuration: z.int(), devices: z.array(z.string()).readonly() })
export type DiscoverySavedAnswer = z.output<typeof discoverySaved>
