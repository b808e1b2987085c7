import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findTool } from '../support/tools.ts'

const root = path.join(import.meta.dirname, '../..')
const folder = mkdtempSync(path.join(tmpdir(), 'linli-dist-'))
const out = path.join(folder, 'dist')
const newer = path.join(folder, 'linli_0.9.9_amd64.deb')
const minutes = 60_000

beforeAll(() => { execFileSync(process.execPath, [path.join(root, 'scripts/package.mjs'), '--out', out], { stdio: ['ignore', 'ignore', 'inherit'] }) }, 20 * minutes)
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = (ending: string): string => path.join(out, readdirSync(out).find((name) => name.endsWith(ending))!)

/** The demo as a self-test: a building, the gateway and a city in one process; the city has all of it, once. */
function selfTest(command: string, seconds: number): void {
  const result = JSON.parse(execFileSync(command, ['demo', '--for', `${seconds}s`, '--json'], { cwd: '/', encoding: 'utf8', timeout: 5 * minutes, stdio: ['ignore', 'pipe', 'ignore'] })) as Record<string, number>
  expect(result).toMatchObject({ lost: 0, duplicates: 0, gaps: 0 })
  expect(result.cityReadings).toBeGreaterThan(50)
  expect(result.alerts).toBeGreaterThan(0)
}

describe('the single file', () => {
  it('passes the self-test of the demo', () => selfTest(file('linli-linux-x64'), 8))
})

describe('the .deb', () => {
  const list = (deb: string): readonly string[] => execFileSync('dpkg-deb', ['-c', deb], { encoding: 'utf8', maxBuffer: 1 << 24 }).split('\n').map((line) => line.split(/\s+/)[5] ?? '').toSorted()

  it('has the same files for both kinds of machine', () => { expect(list(file('arm64.deb'))).toEqual(list(file('amd64.deb'))) })

  const overlay = findTool('unshare') && process.getuid?.() === 0 ? it : it.skip
  overlay('is installed, keeps configuration and backlog when a newer one comes, and leaves no key when it is purged', () => {
    const unpacked = path.join(folder, 'newer')
    execFileSync('dpkg-deb', ['-R', file('amd64.deb'), unpacked])
    execFileSync('sed', ['-i', 's/^Version: .*/Version: 0.9.9/', path.join(unpacked, 'DEBIAN/control')])
    execFileSync('sed', ['-i', '1s/^/# of the newer one\\n/', path.join(unpacked, 'etc/linli/linli.env')])
    execFileSync('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z1', '--build', unpacked, newer])
    const mount = path.join(folder, 'overlay')
    mkdirSync(mount)
    const script = path.join(folder, 'inside.sh')
    writeFileSync(script, inside)
    const said = execFileSync('sh', [path.join(root, 'tests/support/installed.sh'), mount, script, file('amd64.deb'), newer], { encoding: 'utf8', timeout: 8 * minutes })
    expect(said.split('\n').filter((line) => line.startsWith('RESULT'))).toEqual(['RESULT backlog there', 'RESULT version 0.9.9', 'RESULT password kept', 'RESULT site kept', 'RESULT backlog kept', 'RESULT runs again', 'RESULT purged'])
  })
})

const inside = `
export DEBIAN_FRONTEND=noninteractive
dpkg -i "$1" >/dev/null
cat >/etc/linli/site.yaml <<'Y'
linli: 2
site: { id: box, name: { zh: 盒, en: box }, region: "420106" }
store: { path: /var/lib/linli }
uplinks: [{ id: city, url: "mqtt://127.0.0.1:1" }]
Y
chown linli:linli /etc/linli/site.yaml
echo 'CITY_PASSWORD=secret' >>/etc/linli/linli.env
as() { runuser -u linli -- env NODE_COMPILE_CACHE=/var/cache/linli "$@"; }
waiting() { as linli status --site /etc/linli/site.yaml --json 2>/dev/null | grep -c '"backlog":{.*"event":{"records":[1-9]' || true; }
begin() { as linli run /etc/linli/site.yaml >/tmp/run.log 2>&1 & pid=$!; for i in $(seq 100); do [ -S /var/lib/linli/linli.sock ] && as linli status --site /etc/linli/site.yaml >/dev/null 2>&1 && break; sleep 0.2; done; }
end() { pkill -TERM -P $pid || true; wait $pid || true; }
begin
[ "$(waiting)" -gt 0 ] && echo 'RESULT backlog there'
end
sums() { find /var/lib/linli -type f -exec sha256sum {} + | sort; }
sums >/tmp/before; sha256sum /etc/linli/site.yaml >/tmp/site
dpkg -i --force-confold "$2" >/dev/null
echo "RESULT version $(dpkg-query -W -f '\${Version}' linli)"
grep -q CITY_PASSWORD /etc/linli/linli.env && echo 'RESULT password kept'
sha256sum -c --quiet /tmp/site && echo 'RESULT site kept'
sums | cmp -s - /tmp/before && echo 'RESULT backlog kept'
begin
[ "$(waiting)" -gt 0 ] && echo 'RESULT runs again'
end
dpkg -P linli >/dev/null
[ ! -e /var/lib/linli ] && [ ! -e /etc/linli ] && [ ! -e /usr/lib/linli ] && ! getent passwd linli >/dev/null && echo 'RESULT purged'
`
