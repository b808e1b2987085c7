#!/usr/bin/env node
// Plain JavaScript, for two reasons: an older Node can run it and hand over to the Node 24 that npm installed; and the compile cache
// is on before the first TypeScript file, so that a second start neither strips types nor loads what does it (18 MB).
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
// Named imports that this Node lacks would stop it before it could hand over.
import module from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(fileURLToPath(import.meta.url))
const main = path.join(root, 'gateway/cli/main.ts')
if (Number(process.versions.node.split('.')[0]) >= 24) {
  module.enableCompileCache()
  await (await import(main)).main()
} else {
  const node = path.join(root, 'node_modules/.bin/node')
  if (!existsSync(node)) {
    console.error(`linli needs Node 24; this is ${process.version} and node_modules has none. Run: npm ci`)
    process.exit(1)
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(signal ? 128 + 15 : code ?? 1))
}
