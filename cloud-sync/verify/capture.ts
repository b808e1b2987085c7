import { createReadStream, createWriteStream, type WriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { once } from 'node:events'
import type { Clock } from '../../gateway/contract/index.ts'
import { codeOf, ConfigError, describe } from '../../gateway/kit/index.ts'
import { createVerifier, type VerifierOptions, type VerifyReport } from './verifier.ts'

/** One message of a capture. */
export interface Captured { readonly topic: string; readonly payload: Buffer; readonly at: number | null }

const maxLineBytes = 32 << 20
const newline = 0x0a

/**
 * A line is `{"topic":…,"payload":<base64>,"at":<epoch ms>}`, or what `mosquitto_sub -F %j` prints (its payload is text: no zstd).
 * null: neither.
 */
export function parseLine(line: Buffer): Captured | null {
  let value: unknown
  try { value = JSON.parse(line.toString('utf8')) } catch { return null }
  if (typeof value !== 'object' || value === null) return null
  const { topic, payload, at, tst } = value as { readonly topic?: unknown; readonly payload?: unknown; readonly at?: unknown; readonly tst?: unknown }
  if (typeof topic !== 'string' || typeof payload !== 'string') return null
  if (typeof tst === 'string') return { topic, payload: Buffer.from(payload), at: Date.parse(tst) || null }
  return { topic, payload: Buffer.from(payload, 'base64'), at: typeof at === 'number' ? at : null }
}

/** null for a line that is no message. Throws ConfigError VERIFY_CAPTURE when the file cannot be read. */
export async function* linesOf(file: string): AsyncGenerator<{ readonly message: Captured | null; readonly bytes: number }> {
  let rest: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
      let from = 0
      for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
        const line = Buffer.concat([...rest, chunk.subarray(from, at)])
        rest = []
        size = 0
        from = at + 1
        if (line.length > 0) yield { message: parseLine(line), bytes: line.length + 1 }
      }
      rest.push(chunk.subarray(from))
      size += chunk.length - from
      if (size > maxLineBytes) throw new ConfigError('VERIFY_CAPTURE', `${file} has a line of more than ${maxLineBytes >> 20} MiB; it is no capture`)
    }
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError('VERIFY_CAPTURE', `cannot read ${file} (${codeOf(cause)}); check the path`, { cause })
  }
  const line = Buffer.concat(rest)
  if (line.length > 0) yield { message: parseLine(line), bytes: line.length }
}

export interface CaptureReport extends VerifyReport {
  /** Lines that are no message: a torn end, or another file. */
  readonly unreadable: number
}

/** Checks a capture in two passes, in bounded memory. `progress` is told bytes read and bytes to read, both passes together. */
export async function verifyCapture(file: string, options: VerifierOptions, progress: (done: number, total: number) => void = () => {}): Promise<CaptureReport> {
  const verifier = createVerifier({ complete: true, ...options })
  const total = await sizeOf(file) * 2
  let done = 0
  let unreadable = 0
  for (const pass of ['foresee', 'accept'] as const) {
    for await (const { message, bytes } of linesOf(file)) {
      if (message) verifier[pass](message.topic, message.payload)
      else if (pass === 'accept') unreadable++
      done += bytes
      progress(done, total)
    }
  }
  const report = verifier.report()
  return { ...report, ok: report.ok && unreadable === 0, unreadable }
}

async function sizeOf(file: string): Promise<number> {
  try {
    await using handle = await open(file, 'r')
    return (await handle.stat()).size
  } catch (cause) {
    throw new ConfigError('VERIFY_CAPTURE', `cannot read ${file} (${codeOf(cause)}); check the path`, { cause })
  }
}

/** Writes a capture as messages come. */
export class CaptureFile implements AsyncDisposable {
  readonly #stream: WriteStream
  readonly #clock: Clock
  #failure: unknown = null
  private constructor(stream: WriteStream, clock: Clock) {
    this.#stream = stream
    this.#clock = clock
    stream.on('error', (error) => { this.#failure = error })
  }

  /** Throws ConfigError VERIFY_CAPTURE; never writes over a file. */
  static async create(file: string, clock: Clock): Promise<CaptureFile> {
    const stream = createWriteStream(file, { flags: 'wx', mode: 0o600 })
    try { await once(stream, 'open') } catch (cause) {
      throw new ConfigError('VERIFY_CAPTURE', `cannot create ${file} (${codeOf(cause)}); give --record a new file`, { cause })
    }
    return new CaptureFile(stream, clock)
  }

  write(topic: string, payload: Buffer): void {
    this.#stream.write(`${JSON.stringify({ topic, payload: payload.toString('base64'), at: this.#clock.now() })}\n`)
  }
  /** Calls back when there is room for more. */
  ready(then: () => void): void { if (this.#stream.writableNeedDrain && !this.#failure) this.#stream.once('drain', then); else then() }

  /** Throws ConfigError VERIFY_CAPTURE when the disk did not take all of it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => { this.#stream.close(() => resolve()) })
    if (this.#failure) throw new ConfigError('VERIFY_CAPTURE', `the capture is not whole: ${describe(this.#failure)}; check the disk's space`, { cause: this.#failure })
  }
}
