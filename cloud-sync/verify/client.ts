import { readFile } from 'node:fs/promises'
import type { Clock } from '../../gateway/contract/index.ts'
import { describe, UplinkError } from '../../gateway/kit/index.ts'
import { everyUp } from '../topics.ts'
import { CaptureFile } from './capture.ts'
import { createVerifier, type VerifierOptions, type VerifyReport } from './verifier.ts'

export interface VerifyBrokerOptions extends VerifierOptions {
  readonly url: string
  readonly prefix: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** PEM file of the broker's authority. */
  readonly ca?: string | undefined
  /** A new file that takes all that is heard. */
  readonly record?: string | undefined
  readonly clock: Clock
}

/** Subscribes to every gateway below `prefix` until `signal` aborts, and says what it found. Throws UplinkError UPLINK_CONNECT_FAILED, ConfigError VERIFY_CAPTURE. */
export async function verifyBroker(options: VerifyBrokerOptions, signal: AbortSignal): Promise<VerifyReport> {
  const { url, prefix, username, password, ca, record, clock } = options
  const { default: mqtt } = await import('mqtt')
  await using capture = record === undefined ? null : await CaptureFile.create(record, clock)
  const verifier = createVerifier(options)
  const client = mqtt.connect(url, { reconnectPeriod: 0, connectTimeout: 10_000, ...(username ? { username } : {}), ...(password ? { password } : {}), ...(ca ? { ca: await readFile(ca) } : {}) })
  client.on('message', (topic, payload) => { capture?.write(topic, payload); verifier.accept(topic, payload) })
  // The broker holds back what the disk cannot take yet.
  if (capture) client.handleMessage = (_packet, done) => capture.ready(() => done())
  const failed = (cause: unknown): UplinkError => new UplinkError('UPLINK_CONNECT_FAILED', `cannot watch ${url}: ${describe(cause)}; check host, port, user and password`, { cause })
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('error', (error) => reject(failed(error)))
      client.once('close', () => reject(failed('the connection was closed')))
      client.once('connect', () => { client.subscribe([everyUp(prefix), `${prefix}/+/+/status`], { qos: 1 }, (error) => { if (error) reject(failed(error)); else resolve() }) })
    })
    await new Promise<void>((resolve, reject) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
      // A watcher that goes on after a loss would call its own blindness a hole.
      client.once('close', () => { if (!signal.aborted) reject(failed('the connection was closed')) })
    })
    return verifier.report()
  } finally {
    client.end(true)
  }
}
