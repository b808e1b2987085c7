// Builds the console's page with Vite when it is missing or older than its sources. Plain JavaScript; hands over to the Node that npm installed.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'

const root = path.dirname(path.dirname(new URL(import.meta.url).pathname))
const web = path.join(root, 'gateway/console/web')
const built = path.join(root, 'gateway/console/web-dist/index.html')
const sources = readdirSync(web, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath ?? entry.path, entry.name))
const newest = Math.max(...[...sources, path.join(root, 'package-lock.json')].map((file) => statSync(file).mtimeMs))
if (!existsSync(built) || statSync(built).mtimeMs < newest) {
  // NODE_ENV: a test runner's would put the source's paths and line numbers into the page.
  // A page that cannot be built stops nothing: the console says so, and the gateway works.
  const node = path.join(root, 'node_modules/.bin/node')
  const result = spawnSync(node, [path.join(root, 'node_modules/vite/bin/vite.js'), 'build', '--config', path.join(web, 'vite.config.mjs')], { cwd: root, stdio: ['ignore', 2, 2], env: { ...process.env, NODE_ENV: 'production' } })
  if (result.status !== 0) console.error('linli: the console page could not be built; the gateway runs without it')
}
