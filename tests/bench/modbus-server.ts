// A Modbus TCP server that answers each read of 125 registers from one prepared reply: fast enough that the clients are what is measured.
import { createServer } from 'node:net'

const requestBytes = 12
const reply = Buffer.alloc(9 + 250)
Buffer.from([0, 0, 0, 0, 0, 253, 1, 3, 250]).copy(reply)
const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    for (let at = 0; at + requestBytes <= chunk.length; at += requestBytes) {
      chunk.copy(reply, 0, at, at + 2)
      socket.write(Buffer.from(reply))
    }
  })
})
server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as { port: number }).port }))
process.once('SIGTERM', () => process.exit(0))
