// `npm run test:deep`: long counts. A suite is a file of tests/deep; `-- NAME` runs one, `-- --turn` the one whose turn it is on this commit. A trial of a
// configuration takes its minute 52 times over, and packages for two machines are built from nothing: with those CI would not stay below its twenty minutes.
const tooLongForATurn = new Set(['apply.test.ts', 'package.test.ts'])
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { runVitest } from './run-vitest.mjs'

const root = path.resolve(import.meta.dirname, '..')
const suites = readdirSync(path.join(root, 'tests/deep')).filter((name) => name.endsWith('.test.ts')).toSorted()
const inTurn = suites.filter((name) => !tooLongForATurn.has(name))
const [wanted] = process.argv.slice(2)
const count = () => Number(spawnSync('git', ['rev-list', '--count', 'HEAD'], { cwd: root, encoding: 'utf8' }).stdout) || 0
const chosen = wanted === '--turn' ? [inTurn[count() % inTurn.length]] : wanted ? suites.filter((name) => name.startsWith(wanted)) : suites
if (chosen.length === 0) { console.error(`no deep suite "${wanted}"; there are ${suites.map((name) => name.replace('.test.ts', '')).join(', ')}`); process.exit(1) }
for (const suite of chosen) {
  console.log(`deep suite: ${suite.replace('.test.ts', '')}`)
  const code = runVitest(['--config', 'vitest.deep.config.ts', `tests/deep/${suite}`], `npm run test:deep -- ${suite.replace('.test.ts', '')}`, { LINLI_SCALE: process.env.LINLI_SCALE ?? '20' })
  if (code !== 0) process.exit(code)
}
