import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type DetailedPeerCertificate } from 'node:tls'
import type { Expiry } from './certificates.ts'
import type { Credentials } from './credentials.ts'

export interface Transport {
  readonly socket: Socket
  /** The broker's certificate and those that vouch for it, once the handshake is done; before, and without TLS: none. */
  chain(): readonly Expiry[]
}

/**
 * The socket below MQTT: `mqtt://` plain, `mqtts://` TLS 1.2 or later with certificate and host name always checked. Opened here rather
 * than by mqtt.js's `connect`, which loads WebSocket and SOCKS code (4 MB) for every uplink.
 */
export function openTransport(url: string, credentials: Credentials): Transport {
  const { protocol, hostname, port } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  if (protocol === 'mqtt:') return { socket: connectTcp({ host, port: Number(port || 1_883), noDelay: true }), chain: () => [] }
  const { ca, cert, key } = credentials
  let chain: readonly Expiry[] = []
  const socket = connectTls({
    host, port: Number(port || 8_883), minVersion: 'TLSv1.2', rejectUnauthorized: true,
    ...(isIP(host) ? {} : { servername: host }), ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}),
  })
  socket.setNoDelay(true)
  socket.once('secureConnect', () => { chain = chainOf(socket.getPeerCertificate(true)) })
  return { socket, chain: () => chain }
}

const maxChain = 10

function chainOf(leaf: DetailedPeerCertificate): readonly Expiry[] {
  const chain: Expiry[] = []
  let certificate: DetailedPeerCertificate | undefined = leaf
  while (certificate?.valid_to && chain.length < maxChain) {
    chain.push({ whose: 'broker', subject: String(certificate.subject?.CN ?? certificate.fingerprint256), validTo: Date.parse(certificate.valid_to) })
    // The root is its own issuer.
    certificate = certificate.issuerCertificate === certificate ? undefined : certificate.issuerCertificate
  }
  return chain
}
