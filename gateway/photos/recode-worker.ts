import { parentPort, workerData } from 'node:worker_threads'
import { openDecoder, openEncoder } from './codec.ts'
import { shrink, steps } from './shrink.ts'

/** One photo: `{ bytes, width, height }` in, the new JPEG out, or null for what cannot be decoded whole. */
const { bytes, width, height } = workerData as { readonly bytes: Uint8Array; readonly width: number; readonly height: number }

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
parentPort!.postMessage(await recode())

async function recode(): Promise<Uint8Array | null> {
  try {
    let complaints = 0
    const decode = await openDecoder(() => { complaints++ })
    const picture = await decode(bytes)
    if (complaints > 0 || picture.width * picture.height !== width * height) return null
    const encode = await openEncoder()
    for (const { side, quality, maxBytes } of steps) {
      const made = await encode(shrink(picture, side), quality)
      if (made.length <= maxBytes) return made
    }
    return null
  } catch { return null }
}
