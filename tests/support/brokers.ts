import { createServer, type Socket } from 'node:net'
import mqttPacket, { type IConnectPacket, type IConnackPacket, type IPublishPacket, type ISubscribePacket, type Packet } from 'mqtt-packet'
import { onTestFinished } from 'vitest'

/** One client's connection to a scripted broker. */
export interface BrokerConnection {
  /** 1, 2, 3 … */
  readonly number: number
  readonly connect: IConnectPacket
  send(packet: Packet): void
  close(): void
}

export interface Script {
  readonly protocol?: 4 | 5
  /** What CONNACK says; null: nothing is said at all. */
  connack?(connection: BrokerConnection): Partial<IConnackPacket> | null
  /** `answer` sends the PUBACK; not calling it leaves the publish in the air. Default: acknowledged at once. */
  publish?(packet: IPublishPacket, answer: (reasonCode?: number) => void, connection: BrokerConnection): void
  subscribe?(packet: ISubscribePacket, connection: BrokerConnection): void
  /** SUBACK: QoS granted, or a reason code. */
  readonly granted?: number
}

export interface ScriptedBroker {
  readonly url: string
  readonly port: number
  readonly connections: readonly BrokerConnection[]
  stop(): void
}

/** A server that speaks MQTT and answers as the test says. */
export async function scriptedBroker({ protocol = 5, connack = () => ({}), publish = (_, answer) => answer(), subscribe, granted = 1 }: Script, port = 0): Promise<ScriptedBroker> {
  const sockets = new Set<Socket>()
  const connections: BrokerConnection[] = []
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => {}))
    const send = (packet: Packet): void => { socket.write(mqttPacket.generate(packet, { protocolVersion: protocol })) }
    const parser = mqttPacket.parser({ protocolVersion: protocol })
    socket.on('data', (chunk) => { parser.parse(chunk) })
    parser.on('error', () => socket.destroy())
    let connection: BrokerConnection | undefined
    parser.on('packet', (packet) => {
      if (packet.cmd === 'connect') {
        connection = { number: connections.length + 1, connect: packet, send, close: () => socket.destroy() }
        connections.push(connection)
        const answer = connack(connection)
        if (answer) send({ cmd: 'connack', returnCode: 0, reasonCode: 0, sessionPresent: false, ...answer })
      } else if (packet.cmd === 'pingreq') send({ cmd: 'pingresp' })
      else if (packet.cmd === 'subscribe') {
        send({ cmd: 'suback', messageId: packet.messageId!, granted: packet.subscriptions.map(() => granted) })
        subscribe?.(packet, connection!)
      } else if (packet.cmd === 'publish') publish(packet, (reasonCode = 0) => send({ cmd: 'puback', messageId: packet.messageId!, reasonCode }), connection!)
    })
  })
  await new Promise<void>((resolve) => { server.listen(port, '127.0.0.1', resolve) })
  const stop = (): void => { for (const socket of sockets) socket.destroy(); server.close() }
  onTestFinished(stop)
  const bound = (server.address() as { port: number }).port
  return { url: `mqtt://127.0.0.1:${bound}`, port: bound, connections, stop }
}
