/** The run's seed: printed by `npm test`, repeated with LINLI_SEED=… npm test. */
export const seed = Number(process.env.LINLI_SEED ?? 1)
/** 1 for `npm test`, larger for `npm run test:deep`. */
export const scale = Number(process.env.LINLI_SCALE ?? 1)

/** mulberry32: a small repeatable source of chance for tests. */
export function seededRandom(start = seed): () => number {
  let a = start >>> 0
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
