import type { EpochMs } from '../../contract/index.ts'

/** The page's only source of time: the browser's clock, and timers that are called off by what they return. */
export const clock = {
  now: (): EpochMs => Date.now(),
  monotonic: (): number => performance.now(),
  after(ms: number, action: () => void): () => void {
    const timer = setTimeout(action, ms)
    return () => clearTimeout(timer)
  },
  every(ms: number, action: () => void): () => void {
    const timer = setInterval(action, ms)
    return () => clearInterval(timer)
  },
}

/** 16 hex digits: the id of an act is made by the page, so that the same act sent twice is one. */
export function actId(): string {
  return [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
