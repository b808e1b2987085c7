import { createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../../gateway/contract/index.ts'
import { codeOf, DriverError, type Logger } from '../../gateway/kit/index.ts'
import { socketLink, type ByteLink } from './link.ts'

/** A modem's registration or heartbeat as bytes: text, or `hex:…`. */
export const packetBytes = (text: string): Buffer => (text.startsWith('hex:') ? Buffer.from(text.slice(4).replaceAll(' ', ''), 'hex') : Buffer.from(text))

interface Claim { readonly registration: Buffer; accept(socket: Socket): void }

const maxUnknown = 32
/** Some modems have no registration packet and are known by their heartbeat, which comes once a minute. */
const registerWithinMs = 90_000
const lingerMs = 120_000

/**
 * One port where 4G modems dial in. A modem says its registration first; the line that claims it gets the socket. A second call of the
 * same modem replaces the first: it lost its network and the old socket is dead.
 */
class DtuPort {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #claims = new Map<string, Claim>()
  readonly #known = new Map<string, Buffer>()
  /** Registered, and no line has claimed it yet. */
  readonly #arrived = new Map<string, Socket>()
  readonly #current = new Map<string, Socket>()
  readonly #unknown = new Set<Socket>()
  #server: Server | null = null

  constructor(clock: Clock, log: Logger) { this.#clock = clock; this.#log = log }

  async listen(host: string, port: number): Promise<number> {
    const server = this.#server = createServer({ noDelay: true, keepAlive: true }, (socket) => this.#admit(socket))
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => reject(new DriverError('MODBUS_LISTEN_FAILED', `cannot listen for modems on ${host}:${port} (${codeOf(cause)}); choose an address of this machine and a free port above 1023`, { cause, retriable: true })))
      server.listen(port, host, resolve)
    })
    return (server.address() as { port: number }).port
  }

  close(): void {
    for (const socket of [...this.#unknown, ...this.#arrived.values()]) socket.destroy()
    this.#server?.close()
  }

  /** Resolves with the modem's socket: one that is here already, or the next that comes. */
  claim(registration: Buffer, signal: AbortSignal, withinMs: number): Promise<Socket> {
    const key = registration.toString('hex')
    const here = this.#arrived.get(key)
    this.#arrived.delete(key)
    if (here && !here.destroyed) { here.removeAllListeners('close'); return Promise.resolve(here) }
    return new Promise((resolve, reject) => {
      const end = (): void => { cancel(); signal.removeEventListener('abort', aborted); this.#claims.delete(key) }
      const aborted = (): void => { end(); reject(signal.reason as Error) }
      const cancel = this.#clock.after(withinMs, () => {
        end()
        reject(new DriverError('MODBUS_DTU_ABSENT', `no modem has registered as "${printable(registration)}" within ${Math.round(withinMs / 1_000)} s; check its SIM, the server address in it, and its registration packet`, { retriable: true }))
      })
      this.#claims.set(key, { registration, accept: (socket) => { end(); resolve(socket) } })
      signal.addEventListener('abort', aborted, { once: true })
    })
  }

  /** The name stays known between two sessions, so that a modem that dials in meanwhile is kept and not refused. */
  know(registration: Buffer): void { this.#known.set(registration.toString('hex'), registration) }

  #admit(socket: Socket): void {
    socket.on('error', () => {})
    // Whoever says nothing makes room for the next: it may be the modem that is waited for.
    if (this.#unknown.size >= maxUnknown) { const [oldest] = this.#unknown; this.#unknown.delete(oldest!); oldest!.destroy() }
    this.#unknown.add(socket)
    let said: Buffer = Buffer.alloc(0)
    const refuse = (why: string): void => { this.#log.warn({ code: 'MODBUS_DTU_UNKNOWN', address: socket.remoteAddress, said: printable(said.subarray(0, 64)) }, `a modem from ${socket.remoteAddress} was refused: ${why}; compare its registration packet with the site file`); socket.destroy() }
    const cancel = this.#clock.after(registerWithinMs, () => refuse('it did not register in time'))
    socket.once('close', () => { cancel(); this.#unknown.delete(socket) })
    const heard = (chunk: Buffer): void => {
      said = Buffer.concat([said, chunk])
      const found = [...this.#known.values()].filter((registration) => said.subarray(0, registration.length).equals(registration)).toSorted((a, b) => b.length - a.length)[0]
      if (!found) { if (said.length > 128) refuse('nobody knows what it says'); return }
      cancel()
      this.#unknown.delete(socket)
      socket.off('data', heard)
      this.#hand(found, socket)
    }
    socket.on('data', heard)
  }

  #hand(registration: Buffer, socket: Socket): void {
    const key = registration.toString('hex')
    const claim = this.#claims.get(key)
    this.#log.info({ address: socket.remoteAddress, registration: printable(registration) }, 'modem registered')
    this.#current.get(key)?.destroy()
    this.#current.set(key, socket)
    if (claim) return claim.accept(socket)
    this.#arrived.set(key, socket)
    socket.once('close', () => { if (this.#arrived.get(key) === socket) this.#arrived.delete(key) })
    socket.resume()
  }
}

const printable = (bytes: Buffer): string => (/^[\x20-\x7e]*$/.test(bytes.toString('latin1')) ? bytes.toString('latin1') : `hex:${bytes.toString('hex')}`)

interface Shared { readonly port: DtuPort; readonly ready: Promise<number>; users: number; cancelClose: (() => void) | null }

/** Several lines share a port and outlive each other's reconnects, so it belongs to none of them: one entry a listening address. */
const ports = new Map<string, Shared>()

export interface DtuOptions {
  readonly listen: { readonly host: string; readonly port: number }
  readonly registration: Buffer
  readonly withinMs: number
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Waits for the modem. Throws DriverError MODBUS_LISTEN_FAILED or MODBUS_DTU_ABSENT. The port stays open for a while for its next call. */
export async function openDtu({ listen, registration, withinMs, clock, log, signal }: DtuOptions): Promise<ByteLink> {
  const key = `${listen.host}:${listen.port}`
  let shared = ports.get(key)
  if (!shared) {
    const port = new DtuPort(clock, log)
    shared = { port, ready: port.listen(listen.host, listen.port), users: 0, cancelClose: null }
    ports.set(key, shared)
    shared.ready.catch(() => ports.delete(key))
  }
  await shared.ready
  shared.port.know(registration)
  shared.cancelClose?.()
  shared.users++
  let released = false
  const release = (): void => {
    if (released) return
    released = true
    if (--shared.users > 0) return
    const close = (): void => { if (ports.get(key) === shared) ports.delete(key); shared.port.close() }
    if (signal.aborted) close()
    else shared.cancelClose = clock.after(lingerMs, close)
  }
  try {
    const socket = await shared.port.claim(registration, signal, withinMs)
    const link = socketLink(socket, `the modem "${printable(registration)}"`)
    return { ...link, close: async () => { await link.close(); release() } }
  } catch (error) {
    release()
    throw error
  }
}
