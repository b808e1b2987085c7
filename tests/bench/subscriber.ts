// The platform behind mosquitto, in a process of its own: node subscriber.ts PORT TOPIC. Counts what arrives, as city.ts does.
import { connect } from 'node:net'
import mqttPacket from 'mqtt-packet'
import { connectPacket } from './load.ts'

const [port, topic] = process.argv.slice(2)
let readings = 0
let messages = 0
let rest: Buffer = Buffer.alloc(0)
const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true })
socket.write(connectPacket('platform', 'platform', ''))
await new Promise((resolve) => socket.once('data', resolve))
socket.write(mqttPacket.generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: topic!, qos: 0 }] }))
await new Promise((resolve) => socket.once('data', resolve))

// Whole packets, by their length alone; a parser would be the bottleneck.
socket.on('data', (chunk: Buffer) => {
  const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
  let at = 0
  for (;;) {
    let [length, width] = [0, 0]
    do { length += (bytes[at + 1 + width]! & 0x7f) * 128 ** width } while (bytes[at + 1 + width++]! >= 0x80)
    const end = at + 1 + width + length
    if (!(end <= bytes.length)) break
    messages++
    for (let found = bytes.indexOf('"point":', at); found >= 0 && found < end; found = bytes.indexOf('"point":', found + 8)) readings++
    at = end
  }
  rest = bytes.subarray(at)
})
process.send!({ ready: true })
process.on('message', () => process.send!({ readings, messages }))
process.once('SIGTERM', () => process.exit(0))
