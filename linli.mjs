#!/usr/bin/env node
// Plain JavaScript, so that an older Node can run it: it hands over to the Node 24 that npm installed.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'

const root = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname)
const main = path.join(root, 'gateway/cli/main.ts')
if (Number(process.versions.node.split('.')[0]) >= 24) {
  await import(main)
} else {
  const node = path.join(root, 'node_modules/.bin/node')
  if (!existsSync(node)) {
    console.error(`linli needs Node 24; this is ${process.version} and node_modules has none. Run: npm ci`)
    process.exit(1)
  }
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(signal ? 128 + 15 : code ?? 1))
}
