import { existsSync } from 'node:fs'
import path from 'node:path'
import { it } from 'vitest'

const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin']

/** Where a system program lies, or null. */
export function findTool(name: string): string | null {
  return folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file)) ?? null
}

/** `it` where all tools are here; otherwise skipped aloud, and a failure under CI=true. */
export function itWith(...tools: readonly string[]): typeof it | typeof it.skip {
  const missing = tools.filter((tool) => findTool(tool) === null)
  if (missing.length === 0) return it
  if (process.env.CI === 'true') throw new Error(`missing under CI: ${missing.join(', ')}; scripts/test-tools.mjs installs them`)
  process.stderr.write(`skipped, because ${missing.join(', ')} is not installed\n`)
  return it.skip
}
