import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, it } from 'vitest'

const root = path.join(import.meta.dirname, '../..')
const folder = mkdtempSync(path.join(tmpdir(), 'linli-same-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The SHA-256 of a .deb that is built anew. */
async function built(name: string, env: Readonly<Record<string, string>>): Promise<string> {
  const out = path.join(folder, name)
  await promisify(execFile)(process.execPath, [path.join(root, 'scripts/package.mjs'), '--arch', process.arch, '--only', 'deb', '--out', out], { env: { ...process.env, ...env } })
  return createHash('sha256').update(readFileSync(path.join(out, readdirSync(out).find((file) => file.endsWith('.deb'))!))).digest('hex')
}

it('one commit gives one .deb, whatever the time zone and the language of who builds it', async () => {
  const [here, there] = await Promise.all([built('here', { TZ: 'UTC', LC_ALL: 'C' }), built('a/longer/way/there', { TZ: 'Asia/Shanghai', LC_ALL: 'C.UTF-8' })])
  expect(there).toBe(here)
}, 10 * 60_000)
