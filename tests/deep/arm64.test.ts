import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { findTool } from '../support/tools.ts'

const root = path.join(import.meta.dirname, '../..')
const minutes = 60_000
const folder = mkdtempSync(path.join(tmpdir(), 'linli-arm64-'))
const out = path.join(folder, 'dist')
const missing = ['qemu-aarch64-static', 'aarch64-linux-gnu-g++', 'unshare'].filter((tool) => findTool(tool) === null)
if (process.getuid?.() !== 0) missing.push('root')
if (missing.length > 0 && process.env.CI === 'true') throw new Error(`missing under CI: ${missing.join(', ')}; scripts/test-tools.mjs installs them`)
if (missing.length > 0) process.stderr.write(`SKIPPED, the packages for arm64: ${missing.join(', ')} is missing\n`)
const here = it.skipIf(missing.length > 0)

beforeAll(() => {
  if (missing.length === 0) execFileSync(process.execPath, [path.join(root, 'scripts/package.mjs'), '--arch', 'arm64', '--out', out], { stdio: ['ignore', 'ignore', 'inherit'] })
}, 10 * minutes)
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = (ending: string): string => path.join(out, readdirSync(out).find((name) => name.endsWith(ending))!)

here('the single file for arm64 passes the self-test of the demo', () => {
  // A building, the gateway and a city in one process; the city has all of it, once.
  const result = JSON.parse(execFileSync('qemu-aarch64-static', ['-L', '/usr/aarch64-linux-gnu', file('linli-linux-arm64'), 'demo', '--for', '30s', '--json'], { cwd: '/', encoding: 'utf8', timeout: 5 * minutes, stdio: ['ignore', 'pipe', 'ignore'] })) as Record<string, number>
  expect(result).toMatchObject({ lost: 0, duplicates: 0, gaps: 0 })
  expect(result.cityReadings).toBeGreaterThan(50)
  expect(result.alerts).toBeGreaterThan(0)
}, 5 * minutes)

here('the .deb for arm64 is installed, checks a site with the Node that it brings, and is purged', () => {
  const mount = path.join(folder, 'overlay')
  mkdirSync(mount)
  const script = path.join(folder, 'inside.sh')
  writeFileSync(script, inside)
  const said = execFileSync('sh', [path.join(root, 'tests/support/installed.sh'), mount, script, file('.deb')], { encoding: 'utf8', timeout: 5 * minutes })
  expect(said.split('\n').filter((line) => line.startsWith('RESULT'))).toEqual(['RESULT arm64 installed', 'RESULT site checked', 'RESULT purged'])
}, 5 * minutes)

// On a copy of this system that is thrown away. Its scripts are of the shell; what is of arm64 is run by qemu, as a kernel with binfmt_misc would have it.
const inside = `
export DEBIAN_FRONTEND=noninteractive
dpkg --force-architecture --force-depends -i "$1" >/dev/null 2>&1
[ "$(dpkg-query -W -f '\${Architecture} \${Status}' linli:arm64)" = 'arm64 install ok installed' ] && echo 'RESULT arm64 installed'
linli() { runuser -u linli -- qemu-aarch64-static -L /usr/aarch64-linux-gnu /usr/lib/linli/bin/node /usr/lib/linli/linli.mjs "$@"; }
cat >/etc/linli/site.yaml <<'Y'
linli: 2
site: { id: box, name: { zh: 盒, en: box }, region: "420106" }
store: { path: /var/lib/linli }
connections: [{ id: bus, driver: modbus, transport: rtu, path: /dev/ttyS9 }]
devices: [{ id: env, name: { zh: 厅, en: hall }, connection: bus, profile: xy-md02, unitId: 1 }]
Y
chown linli:linli /etc/linli/site.yaml
linli check /etc/linli/site.yaml | grep -q 'is valid' && echo 'RESULT site checked'
dpkg -P linli:arm64 >/dev/null 2>&1
[ ! -e /var/lib/linli ] && [ ! -e /etc/linli ] && [ ! -e /usr/lib/linli ] && echo 'RESULT purged'
`
