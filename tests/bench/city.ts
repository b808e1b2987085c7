// The city's broker in a process of its own; counts what arrives. It parses only the length of the list, so that it is not the bottleneck.
import { createServer } from 'node:net'
import { Aedes } from 'aedes'

const broker = await Aedes.createBroker()
let readings = 0
let messages = 0
broker.on('publish', (packet, client) => {
  if (!client || !packet.topic.endsWith('/up/telemetry')) return
  messages++
  const payload = packet.payload as Buffer
  for (let at = payload.indexOf('"point":'); at >= 0; at = payload.indexOf('"point":', at + 8)) readings++
})
const server = createServer({ noDelay: true }, broker.handle)
server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as { port: number }).port }))
process.on('message', () => process.send!({ readings, messages }))
process.once('SIGTERM', () => process.exit(0))
