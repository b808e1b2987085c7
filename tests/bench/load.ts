import { connect, type Socket } from 'node:net'
import mqttPacket from 'mqtt-packet'

export interface LoadOptions { readonly port: number; readonly clients: number; readonly window: number; readonly publishes: number; /** Of all clients together, evenly; default: as fast as the window lets them. */ readonly perSecond?: number; readonly password: string; topic(client: number): string; username(client: number): string; payload(client: number, n: number): string }

/** Raw QoS 1 publishers: packets are built by hand, so that the load costs little beside the gateway it loads. Resolves when all have their PUBACK. */
export async function publishAll(options: LoadOptions): Promise<void> {
  const each = Math.ceil(options.publishes / options.clients)
  await Promise.all(Array.from({ length: options.clients }, (_, client) => publisher(options, client, each)))
}

async function publisher(options: LoadOptions, client: number, count: number): Promise<void> {
  const socket = connect({ port: options.port, host: '127.0.0.1', noDelay: true })
  socket.write(connectPacket(`load-${client}`, options.username(client), options.password))
  await new Promise<void>((resolve, reject) => {
    let sent = 0
    let acknowledged = 0
    let rest = 0
    const began = performance.now()
    const { perSecond } = options
    const due = (): number => (perSecond === undefined ? count : Math.min(count, Math.floor(((performance.now() - began) / 1_000) * (perSecond / options.clients) + client / options.clients)))
    const send = (): void => {
      const chunks: Buffer[] = []
      for (; sent < due() && sent - acknowledged < options.window; sent++) chunks.push(publishPacket(options.topic(client), options.payload(client, sent + 1), (sent % 65_535) + 1))
      if (chunks.length > 0) socket.write(Buffer.concat(chunks))
    }
    let connected = false
    const pace = perSecond === undefined ? undefined : setInterval(() => { if (connected) send() }, 5)
    socket.on('error', reject).on('close', () => { if (acknowledged < count) reject(new Error(`publisher ${client} was closed after ${acknowledged} of ${count}`)); clearInterval(pace) })
    socket.on('data', (chunk) => {
      let bytes = chunk.length
      if (!connected) { connected = true; bytes -= 4 }
      // Nothing but PUBACKs of four bytes comes back.
      rest += bytes
      acknowledged += rest >> 2
      rest &= 3
      if (acknowledged >= count) { socket.end(); resolve() } else send()
    })
  })
  ;(socket as Socket).destroy()
}

export const connectPacket = (clientId: string, username: string, password: string): Buffer => mqttPacket.generate({ cmd: 'connect', clientId, username, password: Buffer.from(password), protocolId: 'MQTT', protocolVersion: 4, clean: true, keepalive: 0 })

export function publishPacket(topic: string, payload: string, messageId: number): Buffer {
  const topicBytes = Buffer.byteLength(topic)
  const remaining = 2 + topicBytes + 2 + Buffer.byteLength(payload)
  const length = remaining < 128 ? [remaining] : [(remaining & 0x7f) | 0x80, remaining >> 7]
  const out = Buffer.allocUnsafe(1 + length.length + remaining)
  out[0] = 0x32
  length.forEach((byte, index) => { out[1 + index] = byte })
  let at = 1 + length.length
  at = out.writeUInt16BE(topicBytes, at)
  at += out.write(topic, at)
  at = out.writeUInt16BE(messageId, at)
  out.write(payload, at)
  return out
}
