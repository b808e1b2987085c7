import { createInterface } from 'node:readline'
import path from 'node:path'
import { DataType, makeAccessLevelFlag, MessageSecurityMode, OPCUACertificateManager, OPCUAServer, SecurityPolicy, StatusCodes, VariantArrayType, setLogLevel, LogLevel } from 'node-opcua'
import type { UAVariable, VariantOptions } from 'node-opcua'

// The full node-opcua server, where asyncua cannot be installed; the same words on stdin as opcua_server.py.
const options = JSON.parse(process.argv[2]!) as { port: number; folder: string; fillers?: number; sessionTimeout?: number }
setLogLevel(LogLevel.Emergency)
const certificates = new OPCUACertificateManager({ rootFolder: path.join(options.folder, 'pki'), automaticallyAcceptUnknownCertificate: true, disableFileWatchers: true })
await certificates.initialize()
let opened = 0
const server = new OPCUAServer({
  host: '127.0.0.1', port: options.port, resourcePath: '/peer', serverCertificateManager: certificates, userCertificateManager: certificates,
  serverInfo: { applicationUri: 'urn:linli:peer:server' },
  securityPolicies: [SecurityPolicy.None, SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes128_Sha256_RsaOaep, SecurityPolicy.Aes256_Sha256_RsaPss],
  securityModes: [MessageSecurityMode.None, MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt],
  allowAnonymous: true, userManager: { isValidUser: (user: string, password: string) => user === 'linli' && password === 'right' },
  serverCapabilities: { minSupportedSampleRate: 10, operationLimits: { maxNodesPerRead: 5, maxMonitoredItemsPerCall: 4 } },
})
await server.initialize()
const addressSpace = server.engine.addressSpace!
for (let index = 0; index < (options.fillers ?? 0); index++) addressSpace.registerNamespace(`urn:filler:${index}`)
const namespace = addressSpace.registerNamespace('urn:linli:peer')
const nodes = new Map<string, UAVariable>()
const types = new Map<string, DataType>()

function add(name: string, value: unknown, dataType: DataType, writable = false, valueRank = -1): void {
  const level = makeAccessLevelFlag(writable ? 'CurrentRead | CurrentWrite' : 'CurrentRead')
  const variant: VariantOptions = { dataType, value, arrayType: valueRank > 0 ? VariantArrayType.Array : VariantArrayType.Scalar }
  nodes.set(name, namespace.addVariable({ organizedBy: addressSpace.rootFolder.objects, browseName: name, nodeId: `s=${name}`, dataType, valueRank, accessLevel: level, userAccessLevel: level, minimumSamplingInterval: 10, value: variant }))
  types.set(name, dataType)
}
add('temperature', 21.5, DataType.Double)
add('level', 10, DataType.Double)
add('humidity', 40.25, DataType.Float)
add('setpoint', 20, DataType.Float, true)
add('relay', true, DataType.Boolean, true)
add('total', 7, DataType.Int32, true)
add('count', [0xffff_ffff, 0xffff_fffb], DataType.Int64, true)
add('giant', [0x1000_0000, 0], DataType.UInt64)
add('label', { text: '大厅', locale: 'zh' }, DataType.LocalizedText)
add('since', new Date(Date.UTC(2026, 0, 5, 8)), DataType.DateTime)
add('phases', new Float64Array([230, 231, 232]), DataType.Double, false, 1)
add('slots', new Int32Array([1, 2, 3]), DataType.Int32, true, 1)
add('locked', 1, DataType.Int32)
add('stubborn', 1, DataType.Int32, true)
nodes.get('stubborn')!.on('value_changed', (data) => { if (data.value.value !== 1) nodes.get('stubborn')!.setValueFromSource({ dataType: DataType.Int32, value: 1 }) })

server.on('create_session', () => { opened++ })
await server.start()
const say = (answer: object): void => { process.stdout.write(`${JSON.stringify(answer)}\n`) }
say({ ready: true })

interface Ask { readonly do: string; readonly node: string; readonly value: unknown; readonly status?: keyof typeof StatusCodes; readonly ago?: number; readonly on?: boolean }
for await (const line of createInterface({ input: process.stdin })) {
  const ask = JSON.parse(line) as Ask
  if (ask.do === 'set') {
    const stamp = new Date(Date.now() - (ask.ago ?? 0))
    nodes.get(ask.node)!.setValueFromSource(ask.value === null ? { dataType: DataType.Null } : { dataType: types.get(ask.node)!, arrayType: VariantArrayType.Scalar, value: ask.value }, (StatusCodes as Record<string, any>)[ask.status ?? 'Good'], stamp)
    say({})
  } else if (ask.do === 'get') {
    say({ value: nodes.get(ask.node)!.readValue().value.value })
  } else if (ask.do === 'sessions') {
    say({ opened, living: server.engine.currentSessionCount })
  } else if (ask.do === 'refuse') {
    server.engine.serverCapabilities.maxSubscriptions = ask.on ? -1 : 100
    say({})
  } else if (ask.do === 'add') {
    add(ask.node, ask.value, DataType.Double)
    say({})
  }
}
await server.shutdown()
