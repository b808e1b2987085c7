import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import path from 'node:path'

const root = path.join(import.meta.dirname, '../..')

/** The package of this machine's kind, built into the folder; or the one that LINLI_DEB names. */
export function debIn(folder: string): string {
  const given = process.env.LINLI_DEB
  if (given) return given
  execFileSync(process.execPath, [path.join(root, 'scripts/package.mjs'), '--arch', 'x64', '--only', 'deb', '--out', folder], { stdio: ['ignore', 'ignore', 'inherit'] })
  return path.join(folder, readdirSync(folder).find((name) => name.endsWith('.deb'))!)
}
