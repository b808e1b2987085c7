import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Machine, whyNoMachine } from '../systemd-vm/machine.ts'

const root = path.join(import.meta.dirname, '../..')
const folder = mkdtempSync(path.join(tmpdir(), 'linli-systemd-'))
const minutes = 60_000
const because = whyNoMachine()
if (because) process.stderr.write(`${'='.repeat(100)}\nSKIPPED, the unit and the .deb under a running systemd: ${because}\n${'='.repeat(100)}\n`)
let machine: Machine

/** The package as built, and one of a later version; unpacked at once, for an emulated processor takes a minute over xz. */
function packages(parts: string): void {
  const out = path.join(folder, 'dist')
  const given = process.env.LINLI_DEB
  if (!given) execFileSync(process.execPath, [path.join(root, 'scripts/package.mjs'), '--arch', 'x64', '--only', 'deb', '--out', out], { stdio: ['ignore', 'ignore', 'inherit'] })
  const deb = given ?? path.join(out, readdirSync(out).find((name) => name.endsWith('.deb'))!)
  const unpacked = path.join(folder, 'unpacked')
  const pack = (name: string): void => { execFileSync('dpkg-deb', ['--root-owner-group', '-Znone', '--build', unpacked, path.join(parts, name)], { stdio: 'ignore' }) }
  execFileSync('dpkg-deb', ['-R', deb, unpacked])
  pack('linli.deb')
  execFileSync('sed', ['-i', 's/^Version: .*/Version: 0.9.9/', path.join(unpacked, 'DEBIAN/control')])
  execFileSync('sed', ['-i', '1s/^/# of the newer one\\n/', path.join(unpacked, 'etc/linli/linli.env')])
  pack('newer.deb')
}

beforeAll(async () => {
  if (because) return
  const parts = path.join(folder, 'parts')
  mkdirSync(parts)
  packages(parts)
  cpSync(path.join(root, 'tests/systemd-vm/house'), path.join(parts, 'house'), { recursive: true })
  machine = await Machine.boot(parts, path.join(folder, 'parts.img'))
}, 10 * minutes)
afterAll(() => { if (!because) machine.stop(); rmSync(folder, { recursive: true, force: true }) })

const property = async (...names: readonly string[]): Promise<Readonly<Record<string, string>>> => Object.fromEntries((await machine.tell(`systemctl show linli ${names.map((name) => `-p ${name}`).join(' ')}`)).split('\n').map((line) => { const at = line.indexOf('='); return [line.slice(0, at), line.slice(at + 1)] }))

/** Until a shell condition holds. */
const until = async (condition: string, seconds: number): Promise<void> => { await machine.tell(`for i in $(seq ${seconds * 2}); do if ${condition}; then exit 0; fi; sleep 0.5; done; systemctl status linli --no-pager; journalctl -u linli -n 15 -o cat --no-pager; echo "never: "${JSON.stringify(condition)}; exit 1`, (seconds + 60) * 3_000) }

describe.skipIf(because !== null)('linli as a service of Debian', () => {
  it('is installed as an installer does it: active once the gateway stands, as a user of its own, with its lines in the journal', async () => {
    await machine.tell('cp -r /mnt/house /house; touch /house/heard; cp /house/*.service /etc/systemd/system/; systemctl daemon-reload; systemctl start mosquitto city')
    expect(await machine.tell('dpkg -i /mnt/linli.deb', 3 * minutes)).toContain('no site file yet. Run: linli init')
    await machine.tell('echo "KIOSK_PASSWORD=right horse" >>/etc/linli/linli.env; install -m 0640 -o linli -g linli /house/site.yaml /etc/linli/site.yaml; systemctl enable -q --now building city')
    // `start` returns when the gateway has told that it stands: its socket answers from then on.
    await machine.tell('systemctl start linli && linli status --site /etc/linli/site.yaml', 2 * minutes)
    expect(await property('Type', 'ActiveState', 'StatusText', 'WatchdogUSec', 'User', 'Restart')).toEqual({ Type: 'notify', ActiveState: 'active', StatusText: 'box: 3 connections, 14 points', WatchdogUSec: '1min', User: 'linli', Restart: 'always' })
    expect(await machine.tell('ps -o user= -p $(systemctl show linli -p MainPID --value)')).toBe('linli')
    expect(await machine.tell('journalctl -u linli -o cat --no-pager')).toMatch(/"msg":"gateway started"/)
  }, 6 * minutes)
})
