import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

export interface Credentials { readonly ca?: Buffer | undefined; readonly cert?: Buffer | undefined; readonly key?: Buffer | undefined }

/**
 * The socket below MQTT: `mqtt://` plain, `mqtts://` TLS with certificate and host name always checked. Opened here rather than by
 * mqtt.js's `connect`, which loads WebSocket and SOCKS code (4 MB) for every uplink.
 */
export function openTransport(url: string, credentials: Credentials): Socket {
  const { protocol, hostname, port } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  if (protocol === 'mqtt:') return connectTcp({ host, port: Number(port || 1_883), noDelay: true })
  const { ca, cert, key } = credentials
  return connectTls({ host, port: Number(port || 8_883), rejectUnauthorized: true, ...(isIP(host) ? {} : { servername: host }), ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) })
}
