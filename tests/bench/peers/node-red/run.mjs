// Node-RED with node-red-contrib-modbus as its users set it up: a client and a modbus-read node a device, at the shortest rate there is. Arguments:
// PORT DEVICES MS. On "run" it prints one line of JSON; what the server served is checked as it comes.
import { createInterface } from 'node:readline'
import { startRed } from './start.mjs'

const [port, devices, ms] = process.argv.slice(2).map(Number)

/** A device: its client, a node that polls it, and one that scales what comes. */
const loop = (unit) => [
  { id: `client${unit}`, type: 'modbus-client', name: `unit ${unit}`, clienttype: 'tcp', bufferCommands: true, stateLogEnabled: false, queueLogEnabled: false, tcpHost: '127.0.0.1', tcpPort: String(port), tcpType: 'DEFAULT', unit_id: String(unit), commandDelay: '1', clientTimeout: '1000', reconnectOnTimeout: true, reconnectTimeout: '2000', parallelUnitIdsAllowed: false },
  { id: `read${unit}`, type: 'modbus-read', z: 'tab', name: '', topic: '', showStatusActivities: false, logIOActivities: false, showErrors: false, unitid: String(unit), dataType: 'HoldingRegister', adr: '0', quantity: '100', rate: '1', rateUnit: 'ms', delayOnStart: false, startDelayTime: '', server: `client${unit}`, useIOFile: false, ioFile: '', useIOForPayload: false, emptyMsgOnFail: false, wires: [[`scale${unit}`], []] },
  { id: `scale${unit}`, type: 'function', z: 'tab', func: `const live = global.get('live'), note = global.get('note'); const values = msg.payload.map((raw) => raw * 0.1); live[${unit}] = values; note(msg.payload); return msg`, outputs: 1, wires: [[]] },
]

let polls = 0
let wrong = 0
const note = (registers) => { polls++; if (registers.length !== 100 || registers[99] !== 99) wrong++ }
await startRed(Array.from({ length: devices }, (_, index) => loop(index + 1)).flat(), { live: {}, note })
const deadline = performance.now() + 30_000
while (polls === 0) {
  if (performance.now() > deadline) { console.error('Node-RED has read nothing within 30 s'); process.exit(1) }
  await new Promise((resolve) => setTimeout(resolve, 50))
}
process.stdout.write('{"ready":true}\n')
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== 'run') continue
  const [before, cpu, began] = [polls, process.cpuUsage(), performance.now()]
  await new Promise((resolve) => setTimeout(resolve, ms))
  const used = process.cpuUsage(cpu)
  const count = polls - before
  process.stdout.write(`${JSON.stringify({ perSecond: count / ((performance.now() - began) / 1_000), cpuUs: (used.user + used.system) / Math.max(1, count), wrong, rssMb: process.memoryUsage().rss / 1_048_576 })}\n`)
}
process.exit(0)
