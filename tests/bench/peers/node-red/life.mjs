// Node-RED that reads a meter ten times a second and tells the city what has changed, QoS 1. Arguments: MODBUS-PORT CITY-PORT.
import { startRed } from './start.mjs'

const [modbusPort, cityPort] = process.argv.slice(2)
const normalise = `
const at = Date.now()
return { topic: 'linli/v1/420106/node-red/up/telemetry', payload: {
  specversion: '1.0', id: 'node-red/' + at, source: '/linli/420106/node-red', type: 'org.linli.telemetry.v1', time: new Date(at).toISOString(), datacontenttype: 'application/json',
  data: { readings: [{ point: 'meter.voltage-l1', value: Buffer.from(Uint16Array.from(msg.payload.slice(0, 2)).buffer).swap16().readFloatBE(0), at }] },
} }`
await startRed([
  { id: 'line', type: 'modbus-client', name: 'meter', clienttype: 'tcp', bufferCommands: true, stateLogEnabled: false, queueLogEnabled: false, tcpHost: '127.0.0.1', tcpPort: modbusPort, tcpType: 'DEFAULT', unit_id: '1', commandDelay: '1', clientTimeout: '1000', reconnectOnTimeout: true, reconnectTimeout: '2000', parallelUnitIdsAllowed: false },
  { id: 'read', type: 'modbus-read', z: 'tab', name: '', topic: '', showStatusActivities: false, logIOActivities: false, showErrors: true, unitid: '1', dataType: 'InputRegister', adr: '0', quantity: '18', rate: '100', rateUnit: 'ms', delayOnStart: false, startDelayTime: '', server: 'line', useIOFile: false, ioFile: '', useIOForPayload: false, emptyMsgOnFail: false, wires: [['changed'], []] },
  { id: 'changed', type: 'rbe', z: 'tab', func: 'rbe', gap: '', start: '', inout: 'out', septopics: true, property: 'payload', wires: [['normalise']] },
  { id: 'normalise', type: 'function', z: 'tab', func: normalise, outputs: 1, wires: [['out']] },
  { id: 'city', type: 'mqtt-broker', name: '', broker: '127.0.0.1', port: cityPort, clientid: 'red-city', autoConnect: true, usetls: false, protocolVersion: '4', keepalive: '60', cleansession: true },
  { id: 'out', type: 'mqtt out', z: 'tab', topic: '', qos: '1', retain: 'false', broker: 'city', wires: [] },
], {})
