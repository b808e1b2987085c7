import { AttributeIds, coerceNodeId, resolveNodeId } from 'node-opcua-client'
import type { ClientSession, NodeId } from 'node-opcua-client'
import type { Clock } from '../../gateway/contract/index.ts'
import { within } from './deadline.ts'
import { nodeTextOf, parseNode, type OpcuaConfig, type OpcuaPoint } from './schema.ts'

/** A point with its node on this server. `node` is null when the server does not know its namespace. */
export interface Target {
  readonly point: OpcuaPoint
  /** As the site file says it, with `{root}` put in. */
  readonly text: string
  readonly node: NodeId | null
}

/** Part 5 §6.3.11: how much one request may carry; 0 stands for no limit of the server's. */
export interface Limits { readonly nodesPerRead: number; readonly itemsPerCall: number; readonly nodesPerBrowse: number }

const ours = 500
/** OperationLimits: MaxNodesPerRead, MaxMonitoredItemsPerCall, MaxNodesPerBrowse. */
const limitNodes = ['i=11705', 'i=11714', 'i=11710']
const namespaceArray = 'i=2255'

/** What a session asks once: the namespaces' present numbers, and the server's limits (which it need not tell). */
export async function survey(session: ClientSession, config: OpcuaConfig, clock: Clock): Promise<{ readonly targets: readonly Target[]; readonly limits: Limits }> {
  const [uris, limits] = await within(clock, config.settings.timeout, 'the first read', Promise.all([namespacesOf(session), limitsOf(session)]))
  return {
    limits,
    targets: config.devices.flatMap(({ id, settings, points }) => points.map((point) => {
      const text = nodeTextOf(point.address.node, id, settings.root)
      return { point, text, node: nodeOf(text, uris) }
    })),
  }
}

export async function limitsOf(session: ClientSession): Promise<Limits> {
  const told = await session.read(limitNodes.map((nodeId) => valueOf(coerceNodeId(nodeId))))
  const limit = (index: number, most: number): number => {
    const value = Number(told[index]?.value?.value ?? 0)
    return Number.isFinite(value) && value > 0 ? Math.min(value, most) : most
  }
  return { nodesPerRead: limit(0, ours), itemsPerCall: limit(1, ours), nodesPerBrowse: limit(2, 100) }
}

/** The server's namespaces, by their present numbers. */
export async function namespacesOf(session: ClientSession): Promise<readonly string[]> {
  return ((await session.read(valueOf(coerceNodeId(namespaceArray)))).value?.value ?? []) as readonly string[]
}

/** The node id with the namespace's number on this server; null when the URI is not among its namespaces. */
export function nodeOf(text: string, uris: readonly string[]): NodeId | null {
  const parsed = parseNode(text)
  if (!parsed) return null
  const index = typeof parsed.namespace === 'number' ? parsed.namespace : uris.indexOf(parsed.namespace)
  return index < 0 ? null : resolveNodeId(`ns=${index};${parsed.identifier}`)
}

export const valueOf = (node: NodeId): { nodeId: NodeId; attributeId: AttributeIds } => ({ nodeId: node, attributeId: AttributeIds.Value })

export function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size))
}
