// Ten devices that publish 200 bytes each at an even pace: node background.ts PORT PER_SECOND [POINTS]. With POINTS each device
// has so many, n0 and up, all heard in turn, with values of a sensor between 0 and 80. Asked for its count, it tells how many were acknowledged.
import { connect } from 'node:net'
import { connectPacket, publishPacket } from './load.ts'
import { password } from './processes.ts'

const [port, perSecond, points] = process.argv.slice(2).map(Number) as [number, number, number | undefined]
/** Knuth's multiplicative hash. */
const noise = (n: number): number => ((Math.imul(n, 2_654_435_761) >>> 0) % 8_000) / 100
const payload = (n: number): string => `{"n":${points ? noise(n) : n},"filler":"${'x'.repeat(150)}","unit":"1"}`.padEnd(200)
let acknowledged = 0
const sockets = await Promise.all(Array.from({ length: 10 }, async (_, client) => {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.write(connectPacket(`load-${client}`, `d${client}`, password))
  await new Promise((resolve) => socket.once('data', resolve))
  // Nothing but PUBACKs of four bytes comes back.
  let rest = 0
  socket.on('data', (chunk) => { rest += chunk.length; acknowledged += rest >> 2; rest &= 3 })
  return socket
}))
const began = performance.now()
let sent = 0
setInterval(() => {
  for (const due = Math.floor((performance.now() - began) / 1_000 * perSecond); sent < due; sent++) {
    const client = sent % sockets.length
    const point = points ? `n${Math.floor(sent / sockets.length) % points}` : 'n'
    sockets[client]!.write(publishPacket(`devices/d${client}/${point}`, payload(sent), (Math.floor(sent / sockets.length) % 65_535) + 1))
  }
}, 1)
process.send!({ ready: true })
process.on('message', () => process.send!({ acknowledged }))
process.once('SIGTERM', () => process.exit(0))
