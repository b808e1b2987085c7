import { createServer, type Server, type Socket } from 'node:net'
import type { Server as TlsServer } from 'node:tls'
import type { DriverKit } from '../../gateway/contract/index.ts'
import { codeOf, describe, DriverError } from '../../gateway/kit/index.ts'
import type { MqttConfig } from './settings.ts'

/** The local broker's doors: TCP and TLS, with the caps on connections before anything is read. `serve` gets each socket that may speak MQTT. */
export class Listeners implements AsyncDisposable {
  /** Connections refused because too many were open, and TLS handshakes that failed. */
  refused = 0
  failedHandshakes = 0
  readonly #config: MqttConfig
  readonly #kit: DriverKit
  readonly #serve: (socket: Socket, address: string) => void
  readonly #sockets = new Map<string, Set<Socket>>()
  readonly #servers: Server[] = []
  #open = 0
  #unwatch = (): void => {}

  constructor(config: MqttConfig, kit: DriverKit, serve: (socket: Socket, address: string) => void) {
    this.#config = config
    this.#kit = kit
    this.#serve = serve
  }

  /** Throws DriverError MQTT_LISTEN_FAILED, MQTT_TLS. */
  async open(): Promise<void> {
    const { plain, listen, tls } = this.#config.settings
    if (plain) await this.#listen(createServer({ noDelay: true }, (socket) => { if (this.#admit(socket)) this.#serve(socket, socket.remoteAddress ?? '') }), listen, 'mqtt')
    if (tls) await this.#listen(await this.#tlsServer(), tls, 'mqtts')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unwatch()
    for (const sockets of this.#sockets.values()) for (const socket of sockets) socket.destroy()
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))))
  }

  async #tlsServer(): Promise<TlsServer> {
    // Only where a site uses it: OpenSSL's certificate code is not free.
    const [{ createServer: createTlsServer }, { readTlsFiles, watchTlsFiles }] = await Promise.all([import('node:tls'), import('./tls.ts')])
    const { tls, connectTimeout } = this.#config.settings
    const clients = { requestCert: tls!.ca !== undefined, rejectUnauthorized: tls!.ca !== undefined }
    const server = createTlsServer({ ...await readTlsFiles(tls!), ...clients, noDelay: true, handshakeTimeout: connectTimeout })
    server.on('connection', (socket: Socket) => { this.#admit(socket) })
    server.on('secureConnection', (socket) => this.#serve(socket, socket.remoteAddress ?? ''))
    server.on('tlsClientError', (error, socket) => {
      this.failedHandshakes++
      this.#kit.log.debug({ code: 'MQTT_TLS', cause: codeOf(error), address: socket.remoteAddress }, 'a TLS handshake failed')
    })
    this.#unwatch = watchTlsFiles(tls!, this.#kit.clock, () => void readTlsFiles(tls!).then(
      (context) => { server.setSecureContext(context); this.#kit.log.info({ cert: tls!.cert }, 'new TLS certificate in use') },
      (error: unknown) => this.#kit.log.error({ code: codeOf(error) }, `${describe(error)}; the certificate read before stays in use`),
    ))
    return server
  }

  async #listen(server: Server, { host, port }: { readonly host: string; readonly port: number }, scheme: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => {
        const why = codeOf(cause) === 'EADDRINUSE' ? 'another program listens there; stop it or choose another port' : `${codeOf(cause)}; choose an address of this machine and a port above 1023`
        reject(new DriverError('MQTT_LISTEN_FAILED', `connection ${this.#config.id} cannot listen on ${host}:${port}: ${why}`, { cause, retriable: true }))
      })
      server.listen(port, host, resolve)
    })
    this.#servers.push(server)
    this.#kit.log.info({ scheme, host, port: (server.address() as { port: number }).port }, 'local broker listens')
  }

  #admit(socket: Socket): boolean {
    const address = socket.remoteAddress ?? ''
    const sockets = this.#sockets.get(address) ?? new Set()
    const { maxClients, maxClientsPerAddress } = this.#config.settings
    if (sockets.size >= maxClientsPerAddress || this.#open >= maxClients) {
      this.refused++
      socket.on('error', () => {}).destroy()
      if (this.refused % 100 === 1) this.#kit.log.warn({ code: 'MQTT_TOO_MANY_CLIENTS', address, clients: this.#open }, `a connection from ${address} was refused: too many are open; raise maxClients or maxClientsPerAddress if they are wanted`)
      return false
    }
    this.#open++
    this.#sockets.set(address, sockets.add(socket))
    socket.once('close', () => { this.#open--; sockets.delete(socket); if (sockets.size === 0) this.#sockets.delete(address) })
    return true
  }
}
