// Runs the README's commands as written: every ```sh block below a line <!-- ci -->, each with bash -e from the root of the clone.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')
const blocks = [...readFileSync(path.join(root, 'README.md'), 'utf8').matchAll(/<!-- ci -->\n```sh\n([\s\S]*?)```/g)].map(([, block]) => block)
if (blocks.length === 0) { console.error('README.md has no block marked <!-- ci -->'); process.exit(1) }
for (const block of blocks) {
  console.log(block.trim().split('\n').map((line) => `$ ${line}`).join('\n'))
  const run = spawnSync('bash', ['-e', '-o', 'pipefail', '-c', block], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], timeout: 300_000 })
  if (run.status !== 0) { console.error(`README: this block ended with ${run.status ?? run.signal}`); process.exit(1) }
}
console.log(`README: ${blocks.length} blocks ran as written`)
