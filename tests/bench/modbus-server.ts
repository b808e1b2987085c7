// The Modbus TCP server both clients are measured on: modbus-serial's own.
import { ServerTCP } from 'modbus-serial'
import { freePort } from './processes.ts'

const port = await freePort()
const server = new ServerTCP({ getMultipleHoldingRegisters: (start: number, length: number) => Array.from({ length }, (_, n) => (start + n) & 0xffff) }, { host: '127.0.0.1', port, unitID: 1 })
server.once('initialized', () => process.send!({ port }))
process.once('SIGTERM', () => process.exit(0))
