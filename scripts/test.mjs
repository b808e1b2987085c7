import { runVitest } from './run-vitest.mjs'

process.exit(runVitest(process.argv.slice(2), 'npm test'))
