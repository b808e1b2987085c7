import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { Clock } from '../contract/index.ts'
import { DataError } from '../kit/index.ts'
import { invalid, jpegSize } from './jpeg-header.ts'

/** What may come in. Decoding takes about eight bytes a pixel for a second or less. */
export interface PhotoLimits { readonly maxBytes: number; readonly maxPixels: number }
/** What a resident's page sends: scaled by the browser already. */
export const residentLimits: PhotoLimits = { maxBytes: 1_048_576, maxPixels: 4_000_000 }
/** Staff and their scripts: as a telephone's camera makes it. */
export const staffLimits: PhotoLimits = { maxBytes: 4_194_304, maxPixels: 13_000_000 }

const maxWaiting = 4
const longestMs = 15_000
const worker = fileURLToPath(new URL('./recode-worker.ts', import.meta.url))

/**
 * Decodes and encodes anew, so that nothing but pixels is left: no position, no name of a camera, nothing after the picture. One at a
 * time, each in a thread of its own that is gone afterwards with all its memory; the codec's memory is its own (WebAssembly).
 */
export class PhotoRecoder {
  readonly #clock: Clock
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0
  constructor(clock: Clock) { this.#clock = clock }

  /** At most 1,600 pixels a side and 300 kB. Throws DataError PHOTO_TOO_LARGE, PHOTO_INVALID or PHOTO_BUSY. */
  async recode(bytes: Uint8Array, { maxBytes, maxPixels }: PhotoLimits): Promise<Uint8Array> {
    if (bytes.length > maxBytes) throw tooLarge()
    const { width, height } = jpegSize(bytes)
    if (width * height > maxPixels) throw tooLarge()
    if (this.#waiting >= maxWaiting) throw busy()
    this.#waiting++
    const mine = this.#last.then(() => this.#run(bytes, width, height)).finally(() => { this.#waiting-- })
    this.#last = mine.catch(() => {})
    return mine
  }

  async #run(bytes: Uint8Array, width: number, height: number): Promise<Uint8Array> {
    const thread = new Worker(worker, { workerData: { bytes, width, height }, stdout: true, stderr: true, resourceLimits: { maxOldGenerationSizeMb: 64 } })
    let cancel = (): void => {}
    try {
      return await new Promise<Uint8Array>((resolve, reject) => {
        cancel = this.#clock.after(longestMs, () => reject(busy()))
        thread.once('message', (answer: Uint8Array | null) => (answer ? resolve(answer) : reject(invalid())))
        thread.once('error', (cause) => reject(invalid(cause)))
        thread.once('exit', () => reject(invalid()))
      })
    } finally {
      cancel()
      await thread.terminate()
    }
  }
}

const tooLarge = (): DataError => new DataError('PHOTO_TOO_LARGE', 'the photo is too large; send it smaller, such as 1600 pixels wide')
const busy = (): DataError => new DataError('PHOTO_BUSY', 'too many photos at once; try again in a minute', { retriable: true, values: { retryAfterMs: 30_000 } })
