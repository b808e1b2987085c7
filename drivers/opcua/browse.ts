import { AttributeIds, BrowseDirection, coerceNodeId, DataType, NodeClass } from 'node-opcua-client'
import type { ClientSession, DataValue, NodeId } from 'node-opcua-client'
import { plainName, verdictOf } from './status.ts'
import { decodeVariant } from './values.ts'
import { chunks, limitsOf } from './nodes.ts'

/** A node as an installer wants it: what to write in the site file, and what it says now. */
export interface Found {
  readonly depth: number
  readonly name: string
  readonly node: string
  readonly kind: string
  readonly dataType?: string
  readonly value?: unknown
  readonly quality?: string
  readonly writable?: boolean
}

export interface BrowseLimits { readonly depth: number; readonly count: number }

const objectsFolder = 'i=85'
interface Open { readonly nodeId: NodeId; readonly name: string; readonly depth: number; readonly nodeClass: NodeClass; children: Open[] }

/** The tree below a node, breadth first so that a limit cuts evenly; `more` when a limit cut it. Nodes that come round again are left out. */
export async function browseTree(session: ClientSession, root: NodeId | null, { depth, count }: BrowseLimits): Promise<{ readonly found: readonly Found[]; readonly more: boolean }> {
  const { nodesPerBrowse, nodesPerRead } = await limitsOf(session)
  const start: Open = { nodeId: root ?? coerceNodeId(objectsFolder), name: '', depth: 0, nodeClass: NodeClass.Object, children: [] }
  const seen = new Set([start.nodeId.toString()])
  let level = [start]
  let more = false
  for (let at = 1; level.length > 0; at++) {
    if (at > depth) { more ||= level.some(({ nodeClass }) => nodeClass === NodeClass.Object); break }
    const next: Open[] = []
    for (const some of chunks(level, nodesPerBrowse)) {
      const children = await childrenOf(session, some, count)
      // The server's own objects are hundreds of nodes; whoever wants them names one as the root.
      some.forEach((parent, index) => {
        for (const { nodeId, name, nodeClass } of children[index]!) {
          if (seen.has(nodeId.toString())) continue
          if (seen.size > count) { more = true; continue }
          seen.add(nodeId.toString())
          const child: Open = { nodeId, name, depth: at, nodeClass, children: [] }
          parent.children.push(child)
          if (root !== null || nodeId.namespace !== 0) next.push(child)
        }
      })
    }
    level = next
  }
  return { found: await described(session, flat(start).slice(1), Math.max(1, Math.floor(nodesPerRead / 2))), more }
}

const flat = (node: Open): Open[] => [node, ...node.children.flatMap(flat)]

async function childrenOf(session: ClientSession, parents: readonly Open[], count: number): Promise<readonly (readonly { nodeId: NodeId; name: string; nodeClass: NodeClass }[])[]> {
  const results = await session.browse(parents.map(({ nodeId }) => ({ nodeId, referenceTypeId: 'HierarchicalReferences', browseDirection: BrowseDirection.Forward, includeSubtypes: true, nodeClassMask: NodeClass.Object | NodeClass.Variable, resultMask: 63 })))
  const out = []
  for (const result of results) {
    const references = [...result.references ?? []]
    // A server gives long lists in parts.
    for (let point = result.continuationPoint; point && point.length > 0 && references.length < count;) {
      const next = await session.browseNext(point, false)
      references.push(...next.references ?? [])
      point = next.continuationPoint
    }
    out.push(references.map(({ nodeId, browseName, nodeClass }) => ({ nodeId: nodeId as NodeId, name: browseName.name ?? '', nodeClass })))
  }
  return out
}

async function described(session: ClientSession, nodes: readonly Open[], perRead: number): Promise<readonly Found[]> {
  const details = new Map<Open, readonly DataValue[]>()
  for (const some of chunks(nodes.filter(({ nodeClass }) => nodeClass === NodeClass.Variable), perRead)) {
    const values = await session.read(some.flatMap(({ nodeId }) => [AttributeIds.Value, AttributeIds.UserAccessLevel].map((attributeId) => ({ nodeId, attributeId }))))
    some.forEach((node, index) => details.set(node, values.slice(index * 2, index * 2 + 2)))
  }
  return nodes.map((node) => {
    const base = { depth: node.depth, name: node.name, node: node.nodeId.toString(), kind: NodeClass[node.nodeClass]! }
    const [value, access] = details.get(node) ?? []
    return value ? { ...base, ...said(value), writable: (Number(access?.value?.value ?? 0) & 2) !== 0 } : base
  })
}

/** A value in words: type, value, quality, when. */
export function said(data: DataValue): { readonly dataType: string; readonly value: unknown; readonly quality: string; readonly at?: string } {
  const { dataType, value } = data.value ?? { dataType: DataType.Null, value: null }
  const many = typeof value === 'object' && value !== null && 'length' in value && dataType !== DataType.Int64 && dataType !== DataType.UInt64 && dataType !== DataType.ByteString
  const decoded = decodeVariant(data.value)
  const shown = many ? Array.from(value as ArrayLike<unknown>).slice(0, 10) : 'value' in decoded ? decoded.value : null
  const verdict = verdictOf(data.statusCode)
  return { dataType: `${DataType[dataType]}${many ? '[]' : ''}`, value: shown, quality: verdict.quality !== 'good' ? plainName(data.statusCode) : many || 'value' in decoded ? 'good' : decoded.reason, ...(data.sourceTimestamp ? { at: data.sourceTimestamp.toISOString() } : {}) }
}
