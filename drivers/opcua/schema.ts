import { z } from 'zod'
import type { ConnectionConfig, DriverSchemas, Forecast } from '../../gateway/contract/index.ts'
import { duration, secretRef } from '../../gateway/kit/schema.ts'

/** OPC UA Part 7 policy names, weakest first; those with a known break (Basic128Rsa15, Basic256) are not offered. */
export const securityPolicies = ['None', 'Basic256Sha256', 'Aes128_Sha256_RsaOaep', 'Aes256_Sha256_RsaPss'] as const

const connection = z.strictObject({
  endpoint: z.string().regex(/^opc\.tcp:\/\/[^\s/@]+(\/\S*)?$/, 'write opc.tcp://host:port or opc.tcp://host:port/path'),
  security: z.enum(securityPolicies).default('Basic256Sha256'),
  /** `false`: messages are signed and readable. */
  encrypt: z.boolean().default(true),
  username: z.string().min(1).optional(),
  password: secretRef.optional(),
  /** Instead of a user name: PEM or DER files. */
  userCertificate: z.string().min(1).optional(),
  userKey: z.string().min(1).optional(),
  /** Folder of our own certificate and of those we trust; relative to the working directory, as that of `linli probe opcua` is. */
  pki: z.string().min(1).default('data/opcua'),
  /** `listed`: only certificates in `pki`. `first-use`: the first certificate of a server is taken and kept; another one later is refused. */
  trust: z.enum(['listed', 'first-use']).default('listed'),
  /** `poll`: never subscribe. */
  mode: z.enum(['subscribe', 'poll']).default('subscribe'),
  publishingInterval: duration.default(500),
  timeout: duration.default(5_000),
  connectTimeout: duration.default(10_000),
  keepAlive: duration.default(5_000),
  /** The server forgets the session of a gateway that died after this long. */
  sessionTimeout: duration.default(30_000),
})

const device = z.strictObject({
  /** `{root}` in the points' node ids: what one device's nodes have in common, so that a profile serves many. */
  root: z.string().min(1).optional(),
})

/** Server-side, so that small changes do not travel: as the point's number stands on the server, or in percent of the node's EURange. */
const filter = z.union([z.strictObject({ absolute: z.number().positive() }), z.strictObject({ percent: z.number().positive().max(100) })])

const point = z.strictObject({
  /** `ns=2;s=Hall.Temperature`, or `nsu=http://…;s=…`, which survives a renumbering of the server's namespaces. */
  node: z.string().min(1),
  /** One element of an array, 0 the first. */
  index: z.int().min(0).max(1_000_000).optional(),
  filter: filter.optional(),
  /** Changes the server keeps between two publishes; 1 keeps the newest. */
  queueSize: z.int().min(1).max(1_000).default(1),
})

export type OpcuaConnection = z.output<typeof connection>
export type OpcuaDevice = z.output<typeof device>
export type OpcuaAddress = z.output<typeof point>
export type OpcuaConfig = ConnectionConfig<OpcuaConnection, OpcuaDevice, OpcuaAddress>
export type OpcuaDeviceConfig = OpcuaConfig['devices'][number]
export type OpcuaPoint = OpcuaDeviceConfig['points'][number]

/** A node id as written: what names the namespace, and the identifier with its letter. Null when it is none. */
export interface NodeText { readonly namespace: number | string; readonly identifier: string }

const guid = /^g=[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export function parseNode(text: string): NodeText | null {
  const [, index, uri, identifier] = /^(?:ns=(\d+);|nsu=([^;]+);)?([isgb]=[^]+)$/.exec(text) ?? []
  if (identifier === undefined) return null
  if (identifier.startsWith('i=') && !(/^i=\d+$/.test(identifier) && Number(identifier.slice(2)) <= 0xffff_ffff)) return null
  if (identifier.startsWith('g=') && !guid.test(identifier)) return null
  if (identifier.startsWith('b=') && !/^b=[A-Za-z0-9+/]+={0,2}$/.test(identifier)) return null
  if (index !== undefined && Number(index) > 0xffff) return null
  return { namespace: uri ?? Number(index ?? 0), identifier }
}

/** The node id of a point, with its device's `{root}` and `{device}` put in. */
export const nodeTextOf = (node: string, deviceId: string, root: string | undefined): string => node.replaceAll('{device}', deviceId).replaceAll('{root}', root ?? '{root}')

export const opcuaSchemas: DriverSchemas = {
  connection, device, point,
  review: (config) => review(config as OpcuaConfig),
  foresee: (config) => foresee(config as OpcuaConfig),
}

interface Problem { readonly deviceId: string; readonly path: readonly (string | number)[]; readonly message: string }

function review({ settings, devices }: OpcuaConfig): readonly Problem[] {
  const first = devices[0]
  const wrong = settingsProblem(settings)
  return [
    ...(first && wrong ? [{ deviceId: first.id, path: [], message: `its connection: ${wrong}` }] : []),
    ...devices.flatMap(({ id, settings: { root }, points }) => points.flatMap((point) => {
      const { node, filter: deadband } = point.address
      const problem = (key: string, message: string): Problem => ({ deviceId: id, path: ['points', point.id.slice(id.length + 1), key], message })
      const text = nodeTextOf(node, id, root)
      if (text.includes('{root}')) return [problem('node', 'the node id has {root} and the device has no "root"')]
      if (!parseNode(text)) return [problem('node', `"${text}" is no node id; write ns=2;s=Name, ns=2;i=1001 or nsu=http://…;s=Name (linli probe opcua URL browse lists them)`)]
      return deadband && point.type !== 'number' ? [problem('filter', 'only a number has a deadband')] : []
    })),
  ]
}

function settingsProblem({ username, password, userCertificate, userKey, keepAlive, publishingInterval, sessionTimeout }: OpcuaConnection): string | null {
  if (username !== undefined && userCertificate !== undefined) return 'give "username" or "userCertificate", not both'
  if ((username === undefined) !== (password === undefined)) return '"username" and "password" belong together'
  if ((userCertificate === undefined) !== (userKey === undefined)) return '"userCertificate" and "userKey" belong together'
  if (sessionTimeout < Math.max(2 * keepAlive, 12 * publishingInterval)) return '"sessionTimeout" must be at least twice "keepAlive" and twelve times "publishingInterval", or the server ends the session between two signs of life'
  return null
}

function foresee({ id, settings }: OpcuaConfig): readonly Forecast[] {
  if (settings.security !== 'None') return []
  return [{ message: settings.username === undefined
    ? `connection ${id}: security None: anybody on the network can read and change what is said; set "security" if the server offers more (linli probe opcua ${settings.endpoint} endpoints)`
    : `connection ${id}: security None with a password: a server that was not authenticated gets it, some even in clear; set "security"` }]
}
