import type { Picture } from './codec.ts'

const maxBytes = 300_000
/** Tried in order until one fits; the last fits whatever is in it. */
export const steps = [
  { side: 1_600, quality: 75, maxBytes }, { side: 1_600, quality: 60, maxBytes }, { side: 1_280, quality: 60, maxBytes }, { side: 1_024, quality: 55, maxBytes }, { side: 640, quality: 50, maxBytes },
] as const

/** At most `side` pixels a side, each the mean of those it stands for. Pure. */
export function shrink({ data, width, height }: Picture, side: number): Picture {
  const scale = Math.min(1, side / Math.max(width, height))
  if (scale === 1) return { data, width, height }
  const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))]
  const out = new Uint8ClampedArray(w * h * 4)
  for (let y = 0; y < h; y++) {
    const [top, bottom] = [Math.floor(y * height / h), Math.max(Math.floor(y * height / h) + 1, Math.floor((y + 1) * height / h))]
    for (let x = 0; x < w; x++) {
      const [left, right] = [Math.floor(x * width / w), Math.max(Math.floor(x * width / w) + 1, Math.floor((x + 1) * width / w))]
      let [r, g, b] = [0, 0, 0]
      for (let row = top; row < bottom; row++) for (let at = (row * width + left) * 4; at < (row * width + right) * 4; at += 4) { r += data[at]!; g += data[at + 1]!; b += data[at + 2]! }
      const [count, to] = [(bottom - top) * (right - left), (y * w + x) * 4]
      out[to] = r / count; out[to + 1] = g / count; out[to + 2] = b / count; out[to + 3] = 255
    }
  }
  return { data: out, width: w, height: h }
}
