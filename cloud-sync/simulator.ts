import { createServer } from 'node:net'
import { Aedes } from 'aedes'
import type { DecodedRecord } from './decode.ts'
import { createVerifier, type Verifier } from './verify/verifier.ts'

export interface City {
  readonly url: string
  readonly port: number
  readonly verifier: Verifier
  /** Each sound record, once. */
  onEvent(listener: (record: DecodedRecord) => void): void
  stop(): Promise<void>
}

/** The demo's city platform: a broker on loopback (aedes: MQTT 3.1.1) with a consumer that checks all it gets. */
export async function startCity({ port = 0, prefix = 'linli/v1' }: { readonly port?: number; readonly prefix?: string } = {}): Promise<City> {
  const verifier = createVerifier({ prefix, fromStart: true })
  const listeners: ((record: DecodedRecord) => void)[] = []
  const broker = await Aedes.createBroker()
  broker.on('publish', (packet, client) => {
    if (!client || !packet.topic.startsWith(`${prefix}/`) || !packet.topic.includes('/up/')) return
    const record = verifier.accept(packet.topic, packet.payload as Buffer)
    if (record) for (const listener of listeners) listener(record)
  })
  const server = createServer({ noDelay: true }, broker.handle)
  await new Promise<void>((resolve, reject) => { server.once('error', reject).listen(port, '127.0.0.1', resolve) })
  const bound = (server.address() as { port: number }).port
  return {
    url: `mqtt://127.0.0.1:${bound}`, port: bound, verifier,
    onEvent: (listener) => { listeners.push(listener) },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve))
      await new Promise<void>((resolve) => broker.close(resolve))
      await closed
    },
  }
}
