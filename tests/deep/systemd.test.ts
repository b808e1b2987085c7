import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Box, whyNoBox } from '../systemd/box.ts'
import { debIn } from '../systemd/deb.ts'

const root = path.join(import.meta.dirname, '../..')
const folder = mkdtempSync(path.join(tmpdir(), 'linli-systemd-'))
const minutes = 60_000
const because = whyNoBox()
if (because) process.stderr.write(`${'='.repeat(100)}\nSKIPPED, the unit and the .deb under a running systemd: ${because}\n${'='.repeat(100)}\n`)
let box: Box

/** The package as built, and one of a later version; uncompressed, to be quick. */
function packages(parts: string): void {
  const deb = debIn(path.join(folder, 'dist'))
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
  cpSync(path.join(root, 'tests/systemd/house'), path.join(parts, 'house'), { recursive: true })
  box = new Box(parts, path.join(folder, 'disk.img'))
  await box.boot()
}, 10 * minutes)
afterAll(async () => { if (!because) await box.stop(); rmSync(folder, { recursive: true, force: true }) })

const property = async (...names: readonly string[]): Promise<Readonly<Record<string, string>>> => Object.fromEntries((await box.tell(`systemctl show linli ${names.map((name) => `-p ${name}`).join(' ')}`)).split('\n').map((line) => { const at = line.indexOf('='); return [line.slice(0, at), line.slice(at + 1)] }))

/** Until a shell condition holds. */
const until = async (condition: string, seconds: number): Promise<void> => { await box.tell(`for i in $(seq ${seconds * 2}); do if ${condition}; then exit 0; fi; sleep 0.5; done; systemctl status linli --no-pager; journalctl -u linli -n 15 -o cat --no-pager; echo "never: "${JSON.stringify(condition)}; exit 1`, (seconds + 60) * 3_000) }

describe.skipIf(because !== null)('linli as a service of Debian', () => {
  it('is installed as an installer does it: active once the gateway stands, as a user of its own, with its lines in the journal', async () => {
    await box.tell('cp -r /mnt/house /house; touch /house/heard; cp /house/*.service /etc/systemd/system/; systemctl daemon-reload; systemctl start mosquitto city')
    expect(await box.tell('dpkg -i /mnt/linli.deb', 3 * minutes)).toContain('no site file yet. Run: linli init')
    await box.tell('echo "KIOSK_PASSWORD=right horse" >>/etc/linli/linli.env; install -m 0640 -o linli -g linli /house/site.yaml /etc/linli/site.yaml; systemctl enable -q --now building city')
    // `start` returns when the gateway has told that it stands: its socket answers from then on.
    await box.tell('systemctl start linli && linli status --site /etc/linli/site.yaml', 2 * minutes)
    expect(await property('Type', 'ActiveState', 'StatusText', 'WatchdogUSec', 'User', 'Restart')).toEqual({ Type: 'notify', ActiveState: 'active', StatusText: 'box: 3 connections, 14 points', WatchdogUSec: '1min', User: 'linli', Restart: 'always' })
    expect(await box.tell('stat -c %U /proc/$(systemctl show linli -p MainPID --value)')).toBe('linli')
    expect(await box.tell('journalctl -u linli -o cat --no-pager')).toMatch(/"msg":"gateway started"/)
    // No line is behind it; but what opens lines is in the package, and was allowed to try.
    expect(await box.tell('journalctl -u linli -o cat --no-pager | grep \'"connection":"bus"\' | head -1')).toMatch(/"code":"MODBUS_/)
    expect(await box.tell('journalctl -u linli -o cat --no-pager')).not.toMatch(/"INTERNAL"/)
  }, 6 * minutes)

  it('may open the serial line that its site file names and no other, and is given the new one when the file changes', async () => {
    expect(await opened('ttyS2')).toMatch(/^(opened|Input\/output error|No such device or address|Device or resource busy)$/)
    expect(await opened('ttyS3')).toBe('Operation not permitted')
    const before = await property('MainPID')
    await box.tell("sed -i 's#ttyS2#ttyS3#' /etc/linli/site.yaml")
    await until(`[ "$(systemctl show linli -p MainPID --value)" != ${before.MainPID} ] && systemctl is-active -q linli && [ -S /var/lib/linli/linli.sock ]`, 60)
    expect(await box.tell('cat /run/systemd/system/linli.service.d/devices.conf')).toBe('[Service]\nDeviceAllow=\nDeviceAllow=/dev/ttyS3 rw')
    expect([await opened('ttyS2'), await opened('ttyS3')]).toEqual(['Operation not permitted', expect.stringMatching(/^(opened|Input\/output error|No such device or address|Device or resource busy)$/)])
    // The same user could, if it were not for the unit.
    expect(await box.tell(`${asLinli('ttyS2')}`)).not.toBe('Operation not permitted')
  }, 2 * minutes)

  it('is exposed no more than 2.5, as the running system judges it', async () => {
    const [, exposure] = /exposure level for linli\.service: ([\d.]+)/.exec(await box.tell('systemd-analyze security linli --no-pager')) ?? []
    expect(Number(exposure)).toBeLessThanOrEqual(2.5)
  })

  it('is started anew by systemd when it is killed and when it hangs, and nothing that it acknowledged is lost', async () => {
    await box.tell('systemctl start kiosk')
    await until('[ $(wc -l </house/acknowledged) -ge 20 ]', 60)
    const first = await property('MainPID')
    await box.tell('kill -9 $(systemctl show linli -p MainPID --value)')
    await until(`[ "$(systemctl show linli -p MainPID --value)" -gt ${first.MainPID} ] && systemctl is-active -q linli`, 60)
    // A minute of silence is what a box allows; the test allows six seconds.
    await box.tell('mkdir -p /run/systemd/system/linli.service.d && printf "[Service]\\nWatchdogSec=6\\n" >/run/systemd/system/linli.service.d/quick.conf && systemctl daemon-reload && systemctl restart linli')
    const second = await property('MainPID')
    await until('[ $(wc -l </house/acknowledged) -ge 50 ]', 60)
    // Longer than its limit: it is alive, and left alone.
    await new Promise((resolve) => setTimeout(resolve, 8_000))
    expect((await property('MainPID')).MainPID).toBe(second.MainPID)
    await box.tell(`kill -STOP ${second.MainPID}`)
    await until(`[ "$(systemctl show linli -p MainPID --value)" -gt ${second.MainPID} ] && systemctl is-active -q linli`, 60)
    expect(await box.tell('journalctl -u linli -o cat --no-pager | grep -ci "watchdog timeout"')).toBe('1')
    expect(await property('NRestarts')).toEqual({ NRestarts: '1' })
    const had = Number(await box.tell('wc -l </house/acknowledged'))
    await until(`[ $(wc -l </house/acknowledged) -ge ${had + 20} ]`, 60)
    await box.tell('systemctl stop kiosk')
    await until(allArrived, 60)
    await box.tell('rm /run/systemd/system/linli.service.d/quick.conf; systemctl daemon-reload')
  }, 6 * minutes)

  it('is brought to a newer version with its passwords, its site and all that waits for the city', async () => {
    await box.tell('systemctl stop mosquitto; systemctl start kiosk')
    const had = Number(await box.tell('wc -l </house/acknowledged'))
    await until(`[ $(wc -l </house/acknowledged) -ge ${had + 20} ]`, 60)
    await box.tell('systemctl stop kiosk')
    const before = await property('MainPID')
    const site = await box.tell('sha256sum /etc/linli/site.yaml')
    expect(await waiting()).toBeGreaterThanOrEqual(20)
    await box.tell('dpkg --force-confdef --force-confold -i /mnt/newer.deb', 3 * minutes)
    await until('systemctl is-active -q linli && [ -S /var/lib/linli/linli.sock ]', 60)
    expect((await property('MainPID')).MainPID).not.toBe(before.MainPID)
    expect(await box.tell('dpkg-query -W -f \'${Version}\' linli; grep -c KIOSK_PASSWORD /etc/linli/linli.env')).toBe('0.9.91')
    expect(await box.tell('sha256sum /etc/linli/site.yaml')).toBe(site)
    expect(await waiting()).toBeGreaterThanOrEqual(20)
    await box.tell('systemctl start mosquitto')
    await until(allArrived, 60)
  }, 4 * minutes)

  it('comes up by itself after a reboot, and takes back a change that nobody confirmed', async () => {
    await box.tell("cp /etc/linli/site.yaml /house/before; sed 's/en: hall/en: foyer/' /house/before >/house/next.yaml")
    await box.tell('linli apply /house/next.yaml --site /etc/linli/site.yaml --confirm 20s', 2 * minutes)
    expect(await box.tell('grep -c foyer /etc/linli/site.yaml')).toBe('1')
    await box.reboot()
    await until('systemctl is-active -q linli && [ -S /var/lib/linli/linli.sock ]', 60)
    await until('cmp -s /etc/linli/site.yaml /house/before', 60)
    expect(await box.tell('cat /run/systemd/system/linli.service.d/devices.conf')).toContain('DeviceAllow=/dev/ttyS3 rw')
    await until(allArrived, 60)
    const [report] = JSON.parse(`[${await box.tell('linli verify --capture /house/heard --json')}]`) as [Record<string, unknown>]
    expect(report).toMatchObject({ holes: [], chainBreaks: [], invalid: 0 })
  }, 4 * minutes)

  it('leaves nothing behind when it is purged; keys and passwords are overwritten on the disk itself', async () => {
    // Marks made of nothing that is written elsewhere; the gateway's own keys beside them.
    const marks = await box.tell(`install -d -m 0700 -o linli -g linli /etc/linli/city-secrets
for file in /etc/linli/city-secrets/one /var/lib/linli/sealing.key; do mark=mark-$(od -An -N 12 -tx1 /dev/urandom | tr -d ' \\n'); echo "$mark" >"$file"; echo "$mark"; done
sed -n 2p /var/lib/linli/signing.key; sync`)
    const secrets = marks.split('\n')
    expect(secrets).toHaveLength(3)
    expect(secrets.map(onDisk)).toEqual([true, true, true])
    await box.tell('dpkg --purge linli', 2 * minutes)
    await box.tell('sync')
    expect(secrets.map(onDisk)).toEqual([false, false, false])
    expect(await box.tell("find / -xdev -iname '*linli*' -not -path '/var/log/journal/*'; find /run -iname '*linli*'; getent passwd linli; getent group linli; true")).toBe('')
    expect((await box.run('systemctl cat linli')).code).not.toBe(0)
  }, 2 * minutes)
})

const onDisk = (secret: string): boolean => spawnSync('grep', ['-qaF', '-e', secret, box.disk]).status === 0
/** Every number that the terminal got a PUBACK for is in what the city wrote down. */
const allArrived = `[ -z "$(comm -23 <(sort /house/acknowledged) <(grep -o '.n[^0-9a-z]*:[0-9]*' /house/heard | grep -o '[0-9]*$' | sort -u))" ]`
/** Events that wait for the city. */
const waiting = async (): Promise<number> => (JSON.parse(await box.tell('linli status --site /etc/linli/site.yaml --json')) as { uplinks: { backlog: { event: { records: number } } }[] }).uplinks[0]!.backlog.event.records
const asLinli = (line: string): string => `timeout 5 setpriv --reuid linli --regid linli --init-groups stty -F /dev/${line} 2>&1 >/dev/null | sed 's/.*: //' | tail -1 | grep . || echo opened`
/** What the service meets that opens a serial line: a process of its user in its control group. */
const opened = (line: string): Promise<string> => box.tell(`echo $$ >/sys/fs/cgroup/system.slice/linli.service/cgroup.procs; ${asLinli(line)}`)
