// Runs before `npm start` and `npm test`: installs from the lockfile when node_modules is missing or older. Plain JavaScript for Node 20.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import path from 'node:path'

const root = path.dirname(path.dirname(new URL(import.meta.url).pathname))
const installed = path.join(root, 'node_modules/.package-lock.json')
const lock = path.join(root, 'package-lock.json')
const fresh = existsSync(installed) && existsSync(path.join(root, 'node_modules/.bin/node')) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs
if (!fresh) {
  console.error('linli: installing from the lockfile (npm ci) …')
  // stdout belongs to the command that follows (`--json`), so npm's goes to stderr. Install scripts stay off; `npm run native` builds the one we need.
  const result = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, stdio: ['ignore', 2, 2] })
  if (result.status !== 0) {
    console.error('linli: npm ci failed; check the network or the registry setting, then run it by hand')
    process.exit(result.status ?? 1)
  }
}
