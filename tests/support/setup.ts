import fc from 'fast-check'

// scripts/test.mjs draws one seed for a run and prints it; LINLI_SEED repeats it.
const seed = Number(process.env.LINLI_SEED ?? 1)
const scale = Number(process.env.LINLI_SCALE ?? 1)
fc.configureGlobal({ seed, numRuns: 100 * scale, endOnFailure: true })
