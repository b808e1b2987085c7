// The demo facility as a user starts it, for 20 s: exactly one JSON object on stdout, and nothing lost.
import { spawnSync } from 'node:child_process'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')
const run = spawnSync('npm', ['start', '--silent', '--', '--for', '20s', '--json'], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], timeout: 120_000 })
console.log(run.stdout.trim())
const problems = []
let result = {}
try { result = JSON.parse(run.stdout) } catch { problems.push('stdout is not one JSON object') }
for (const name of ['readings', 'events', 'alerts', 'cityMessages', 'cityReadings', 'firstMessageMs', 'rssMb']) if (!(result[name] > 0)) problems.push(`${name} is ${result[name]}; more than 0 was expected`)
for (const name of ['lost', 'duplicates', 'gaps']) if (result[name] !== 0) problems.push(`${name} is ${result[name]}; 0 was expected`)
if (run.status !== 0) problems.push(`exit code ${run.status}`)
for (const problem of problems) console.error(`demo: ${problem}`)
process.exit(problems.length > 0 ? 1 : 0)
