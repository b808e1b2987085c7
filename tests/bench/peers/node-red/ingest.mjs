// Node-RED as a gateway: mqtt-in from the site's broker, a function that makes the event, mqtt-out to the city's; QoS 1, and memory alone.
// Arguments: SITE-PORT CITY-PORT. Prints one line of JSON when it is up; its connections follow.
import { startRed } from './start.mjs'

const [sitePort, cityPort] = process.argv.slice(2)
const broker = (id, port) => ({ id, type: 'mqtt-broker', name: '', broker: '127.0.0.1', port, clientid: `red-${id}`, autoConnect: true, usetls: false, protocolVersion: '4', keepalive: '60', cleansession: true })
const normalise = `
const at = Date.now()
return { topic: 'linli/v1/420106/node-red/up/telemetry', payload: {
  specversion: '1.0', id: 'node-red/' + msg._msgid, source: '/linli/420106/node-red', type: 'org.linli.telemetry.v1', time: new Date(at).toISOString(), datacontenttype: 'application/json',
  data: { readings: [{ point: msg.topic.split('/')[1] + '.n', value: msg.payload.n, at }] },
} }`
await startRed([
  broker('site', sitePort), broker('city', cityPort),
  { id: 'in', type: 'mqtt in', z: 'tab', topic: 'devices/+/n', qos: '1', datatype: 'json', broker: 'site', inputs: 0, wires: [['normalise']] },
  { id: 'normalise', type: 'function', z: 'tab', func: normalise, outputs: 1, wires: [['out']] },
  { id: 'out', type: 'mqtt out', z: 'tab', topic: '', qos: '1', retain: 'false', broker: 'city', wires: [] },
], {})
process.stdout.write('{"ready":true}\n')
