import { networkInterfaces, tmpdir } from 'node:os'
import path from 'node:path'
import type { INamespace, OPCUAServer, UAVariable, VariantOptions } from 'node-opcua'
import type { SimulatedFault, Simulator, SimulatorParts, Value } from '../../gateway/contract/index.ts'
import { codeOf, DriverError } from '../../gateway/kit/index.ts'
import { nodeTextOf, parseNode, type OpcuaConfig, type OpcuaPoint } from './schema.ts'
import { decodeVariant } from './values.ts'

type Library = typeof import('node-opcua')
/** A variable of the server: one point, or the elements of an array that several points name. */
interface Held { readonly variable: UAVariable; /** The server's own: its state, its time. It moves by itself, and `set` changes nothing. */ readonly own: boolean; readonly deviceId: string; readonly type: OpcuaPoint['type']; readonly elements: Value[] | null; value: Value }

/** What one device's failure looks like through a server that stands: its nodes' status. */
const faultStatus: Readonly<Record<SimulatedFault, 'BadNoCommunication' | 'BadUnexpectedError' | 'BadNotConnected'>> = { timeout: 'BadNoCommunication', garbage: 'BadUnexpectedError', offline: 'BadNotConnected' }
const first: Readonly<Record<OpcuaPoint['type'], Value>> = { number: 0, boolean: false, string: '' }

/** A full server at the site file's endpoint, with a variable for every node its points name. Any password will do. */
export async function startOpcuaSimulator(config: OpcuaConfig, _parts: SimulatorParts, { port }: { readonly port?: number } = {}): Promise<Simulator> {
  const library = await loadLibrary()
  const { hostname, port: wanted, pathname } = new URL(config.settings.endpoint.replace('opc.tcp:', 'http:'))
  const address = isLocal(hostname) ? hostname : '127.0.0.1'
  const asked = port ?? (Number(wanted) || 4_840)
  const server = await startOn(library, config, address, asked, pathname)
    .catch((error: unknown) => { if (codeOf(error) === 'EACCES' || (codeOf(error) === 'EADDRINUSE' && address !== hostname)) return startOn(library, config, address, 0, pathname); throw error })
  const held = populate(library, server, config)
  const faults = new Map<string, SimulatedFault>()
  const show = ({ variable, own, deviceId, type, elements, value }: Held): void => {
    if (own) return
    const fault = faults.get(deviceId)
    variable.setValueFromSource(variantOf(library, type, elements ?? value), fault ? library.StatusCodes[faultStatus[fault]] : library.StatusCodes.Good)
  }
  for (const item of new Set(held.values())) show(item)
  const points = new Map(config.devices.flatMap((device) => device.points.map((point) => [point.id, { point, item: held.get(keyOf(point, device.settings.root))! }] as const)))
  const find = (pointId: string) => {
    const found = points.get(pointId)
    if (!found) throw new RangeError(`the simulator has no point ${pointId}`)
    return found
  }
  const actual = Number(server.endpoints[0]!.port)
  const url = `opc.tcp://${address}:${actual}${pathname === '/' ? '' : pathname}`
  return {
    where: url,
    // Its certificate is one of its own making, the same at every start.
    redirect: { ...(address === hostname && actual === asked ? {} : { endpoint: url }), ...(config.settings.security === 'None' || config.settings.trust === 'first-use' ? {} : { trust: 'first-use' }) },
    get(pointId) {
      const { point, item } = find(pointId)
      const decoded = decodeVariant(item.variable.readValue().value, point.address.index)
      return 'value' in decoded ? decoded.value : undefined
    },
    set(pointId, raw) {
      const { point, item } = find(pointId)
      if (item.elements) item.elements[point.address.index!] = raw
      else item.value = raw
      show(item)
    },
    fault(deviceId, fault) {
      if (fault) faults.set(deviceId, fault)
      else faults.delete(deviceId)
      for (const item of new Set(held.values())) if (item.deviceId === deviceId) show(item)
    },
    [Symbol.asyncDispose]: () => server.shutdown(0),
  }
}

/** The full library is a development dependency: 74 MB that no gateway needs. */
async function loadLibrary(): Promise<Library> {
  try {
    return await import('node-opcua')
  } catch (cause) {
    throw new DriverError('DRIVER_UNAVAILABLE', 'the OPC UA simulator needs the package node-opcua, which a production installation leaves out; run npm ci without --omit=dev', { cause })
  }
}

const isLocal = (host: string): boolean => host === 'localhost' || Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === host))

async function startOn(library: Library, { settings }: OpcuaConfig, host: string, port: number, pathname: string): Promise<OPCUAServer> {
  const { OPCUAServer, OPCUACertificateManager, SecurityPolicy, MessageSecurityMode, LogLevel } = library
  library.setLogLevel(LogLevel.Emergency)
  const certificates = new OPCUACertificateManager({ rootFolder: path.join(tmpdir(), 'linli-opcua-simulator'), automaticallyAcceptUnknownCertificate: true, disableFileWatchers: true })
  await certificates.initialize()
  const server = new OPCUAServer({
    host, port, resourcePath: pathname === '/' ? '' : pathname, serverCertificateManager: certificates, userCertificateManager: certificates,
    serverInfo: { applicationUri: 'urn:linli:simulator' },
    securityPolicies: [SecurityPolicy.None, SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes128_Sha256_RsaOaep, SecurityPolicy.Aes256_Sha256_RsaPss],
    securityModes: [MessageSecurityMode.None, MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt],
    allowAnonymous: true, userManager: { isValidUser: (user: string) => user === settings.username },
  })
  try {
    await server.initialize()
    await server.start()
  } catch (error) {
    await server.shutdown(0).catch(() => {})
    throw error
  }
  return server
}

const keyOf = (point: OpcuaPoint, root: string | undefined): string => nodeTextOf(point.address.node, point.deviceId, root)

function populate(library: Library, server: OPCUAServer, { devices }: OpcuaConfig): ReadonlyMap<string, Held> {
  const { DataType, makeAccessLevelFlag } = library
  const space = server.engine.addressSpace!
  const numbers = devices.flatMap((device) => device.points.map((point) => parseNode(keyOf(point, device.settings.root))?.namespace)).filter((namespace) => typeof namespace === 'number')
  // The numbered ones first, so that each has its number.
  for (let index = space.getNamespaceArray().length; index <= Math.max(0, ...numbers); index++) space.registerNamespace(`urn:linli:simulated:${index}`)
  const namespaceOf = (namespace: number | string): INamespace => (typeof namespace === 'number' ? space.getNamespaceArray()[namespace]! : space.registerNamespace(namespace))
  const types = { number: DataType.Double, boolean: DataType.Boolean, string: DataType.String }
  const held = new Map<string, Held>()
  for (const device of devices) {
    for (const point of device.points) {
      const key = keyOf(point, device.settings.root)
      const { namespace, identifier } = parseNode(key)!
      const { index } = point.address
      const known = held.get(key)
      if (known) { if (index !== undefined) while (known.elements!.length <= index) known.elements!.push(first[point.type]); continue }
      const elements = index === undefined ? null : Array.from({ length: index + 1 }, () => first[point.type])
      const existing = namespace === 0 ? space.findNode(key) as UAVariable | null : null
      if (existing) { held.set(key, { variable: existing, own: true, deviceId: device.id, type: point.type, elements, value: first[point.type] }); continue }
      const level = makeAccessLevelFlag(point.writable ? 'CurrentRead | CurrentWrite' : 'CurrentRead')
      const variable = namespaceOf(namespace).addVariable({
        organizedBy: space.rootFolder.objects, browseName: point.id, nodeId: identifier, dataType: types[point.type], valueRank: elements ? 1 : -1, minimumSamplingInterval: 50,
        accessLevel: level, userAccessLevel: level, value: variantOf(library, point.type, elements ?? first[point.type]),
      })
      held.set(key, { variable, own: false, deviceId: device.id, type: point.type, elements, value: first[point.type] })
    }
  }
  return held
}

function variantOf({ DataType, VariantArrayType }: Library, type: OpcuaPoint['type'], value: Value | readonly Value[]): VariantOptions {
  const dataType = { number: DataType.Double, boolean: DataType.Boolean, string: DataType.String }[type]
  const fit = (each: Value): Value => (type === 'number' ? Number(each) : type === 'boolean' ? each === true || each === 1 : String(each))
  return typeof value === 'object' ? { dataType, arrayType: VariantArrayType.Array, value: value.map(fit) } : { dataType, arrayType: VariantArrayType.Scalar, value: fit(value) }
}
