import { fail } from './output.ts'
import { run } from './run.ts'

/** `linli run SITE` and nothing else: called by linli.mjs in place of main.ts, so that a gateway does not load what a hundred commands take. */
export const main = (): Promise<void> => run(process.argv[3]!).catch(fail)
