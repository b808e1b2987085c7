import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keys, terminal, type Terminal } from '../support/terminal.ts'
import { Box, whyNoBox } from '../systemd/box.ts'
import { debIn } from '../systemd/deb.ts'

const root = path.join(import.meta.dirname, '../..')
const folder = mkdtempSync(path.join(tmpdir(), 'linli-visit-'))
const minutes = 60_000
const because = whyNoBox()
if (because) process.stderr.write(`${'='.repeat(100)}\nSKIPPED, an installer's visit to a bare Debian: ${because}\n${'='.repeat(100)}\n`)
const site = '/etc/linli/site.yaml'
let box: Box
let began = 0

beforeAll(async () => {
  if (because) return
  const parts = path.join(folder, 'parts')
  mkdirSync(parts)
  cpSync(debIn(path.join(folder, 'dist')), path.join(parts, 'linli.deb'))
  cpSync(path.join(root, 'tests/systemd/visit'), path.join(parts, 'house'), { recursive: true })
  box = new Box(parts, path.join(folder, 'disk.img'))
  await box.boot()
}, 10 * minutes)
afterAll(async () => { if (!because) await box.stop(); rmSync(folder, { recursive: true, force: true }) })

const at = (...words: readonly string[]): Terminal => terminal(words, { program: [...box.inside, 'linli'] })
const until = (condition: string, seconds: number): Promise<string> => box.tell(`for i in $(seq ${seconds * 5}); do if ${condition}; then exit 0; fi; sleep 0.2; done; linli status; echo "never: "${JSON.stringify(condition)}; exit 1`, (seconds + 30) * 1_000)
/** While the gateway turns to another configuration nobody answers for a moment. */
const outcomes = async (): Promise<readonly string[]> => (JSON.parse(await box.tell('for i in $(seq 50); do linli configurations --json 2>/dev/null && exit; sleep 0.2; done; exit 1')) as { configurations: { outcome: string }[] }).configurations.map(({ outcome }) => outcome)

describe.skipIf(because !== null)('one visit to a bare Debian without internet', () => {
  it('installs the package, and writes a site file from the answers of the office', async () => {
    began = performance.now()
    const said = await box.tell('cp -r /mnt/house /house; dpkg -i /mnt/linli.deb', 3 * minutes)
    expect(said).toContain(`Run: linli init ${site}`)
    expect(said).not.toMatch(/warning/i)
    await box.tell('bash /house/house.sh', minutes)
    expect(await box.tell(`linli init ${site} --answers /house/answers.yaml`)).toMatch(/linli scan rtu \/dev\/ttyUSB0 --save[\s\S]*linli enrol[\s\S]*systemctl start linli[\s\S]*linli claim[\s\S]*linli commission/)
    expect(await box.tell(`grep -c /var/lib/linli ${site}; stat -c '%U:%G %a' ${site} /etc/linli/secrets/east-door.password`)).toBe('2\nroot:linli 640\nroot:linli 640')
  }, 4 * minutes)

  it('finds what is on the line, names it, and adds it', async () => {
    expect(await box.tell(`linli scan rtu /dev/ttyUSB0 --save ${site} --yes`, 4 * minutes)).toMatch(/3 found;.*nothing was written to any device/)
    expect(await box.tell(`grep -o 'profile: [a-z0-9-]*' ${site}`)).toBe('profile: zigbee2mqtt-contact\nprofile: sdm120\nprofile: xy-md02\nprofile: waveshare-8-relay')
    const { findings } = JSON.parse(await box.tell('linli doctor --json || true')) as { findings: { code: string; next: { en: string } }[] }
    expect(findings).toContainEqual(expect.objectContaining({ code: 'DOCTOR_NOT_ENROLLED', next: expect.objectContaining({ en: `Run linli enrol ${site}, or correct the path.` }) }))
    expect(findings.map(({ code }) => code).filter((code) => /SECRET|FILE_MODE|ROOT|UNREADABLE/.test(code))).toEqual([])
  }, 5 * minutes)

  it('is enrolled at a terminal, starts by itself from then on, and the city has its first readings', async () => {
    const token = await box.tell('linli ca token /house/city wuchang-center')
    const desk = at('enrol', site)
    await desk.answer('Address of the authority', `${keys.clear}https://city.example:8443`)
    await desk.answer('Is it the same', keys.up)
    await desk.answer('One-time token', token)
    for (const step of ['the authority answers', 'in place', 'lets the gateway in', 'acknowledged', 'enrolled']) await desk.until(step)
    expect(await desk.exited).toBe(0)
    expect(desk.text()).not.toContain(token)
    await box.tell('systemctl start linli', minutes)
    expect(await box.tell('systemctl is-enabled linli; stat -c %U /var/lib/linli/signing.key')).toBe('enabled\nlinli')
    await until('linli status | tr "\\n" " " | grep -q "sdm120-1 .*online.*xy-md02-2 .*online.*waveshare-8-relay-3 .*online.*uplink city: online  MQTT 5  acked [1-9]"', 30)
    expect(await box.tell('linli doctor || true')).toMatch(/east-door {2}MQTT_NOT_CONNECTED[\s\S]*user name .* and password as its entry in the site file says/)
    expect(await box.tell(`linli claim ${site}`)).toMatch(/claim code {3}[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}/)
    expect(await box.tell("exec 3<>/dev/tcp/127.0.0.1/8080; printf 'GET / HTTP/1.1\\r\\nHost: 127.0.0.1:8080\\r\\nConnection: close\\r\\n\\r\\n' >&3; cat <&3 | tr -d '\\0' | head -c 2000")).toMatch(/^HTTP\/1\.1 200[\s\S]*<html lang=/)
  }, 3 * minutes)

  it('is commissioned with a hand at the door; the report stands up to a check', async () => {
    const door = (open: boolean): Promise<string> => box.tell(`mosquitto_pub -h 127.0.0.1 -p 1884 -i east-door -u east-door -P "$(cat /etc/linli/secrets/east-door.password)" -q 1 -t zigbee2mqtt/east-door -m '{"contact":${String(!open)},"battery":90,"linkquality":120}'`)
    await door(false)
    await until('linli status --json | grep -q \'"id":"east-door"[^}]*"state":"online"\' || linli read /etc/linli/site.yaml east-door | grep -q false', 20)
    const desk = at('commission', site, '--only', 'east-door.', '--by', '王师傅', '--out', '/house/report')
    await desk.answer(/east-door\.\w+/)
    await desk.until('…')
    await door(true)
    await desk.until(/✓ seen \d\d:\d\d:\d\d UTC\+08:00, .*; the city has it after \d+ ms/)
    desk.type('q\r')
    await desk.exited
    expect(await box.tell(`linli commission ${site} --check /house/report.json || true`)).toMatch(/east-door\.\w+ +passed/)
    expect(await box.tell('grep -c 王师傅 /house/report.html')).not.toBe('0')
    expect((await box.run(`sed 's/passed/failed/' /house/report.json >/house/forged.json; linli commission ${site} --check /house/forged.json`)).out).toContain('COMMISSION_FORGED')
  }, 3 * minutes)

  it('is changed without fear: shown first, taken back unless somebody confirms, and back again', async () => {
    await box.tell(`sed 's/en: east door/en: front door/' ${site} >/house/next.yaml`)
    const plan = await box.run('linli plan /house/next.yaml')
    expect(plan).toMatchObject({ code: 2, out: expect.stringContaining('front door') })
    await box.tell('linli apply /house/next.yaml --confirm 5s --reason "a better name"', minutes)
    await until(`! grep -q 'front door' ${site}`, 30)
    expect((await outcomes()).slice(0, 2)).toEqual(['rolled-back', 'found'])
    await box.tell('linli apply /house/next.yaml --confirm 1m --reason "a better name"; for i in $(seq 50); do linli confirm && exit; sleep 0.2; done; exit 1', minutes)
    expect(await box.tell(`grep -c 'front door' ${site}`)).toBe('1')
    await box.tell('linli rollback --for 3s', minutes)
    await until(`! grep -q 'front door' ${site}`, 30)
    await until('linli status | grep -q "uplink city: online"', 30)
  }, 4 * minutes)

  it('is left with a sealed backup, and comes up by itself after a reboot', async () => {
    await box.tell(`echo 'six words from a very long list' >/house/words; linli backup ${site} --passphrase /house/words -o /house/hall.backup; grep -c age-encryption.org /house/hall.backup`, minutes)
    process.stdout.write(`a visit, all its commands: ${Math.round((performance.now() - began) / 1_000)} s\n`)
    await box.reboot()
    await until('systemctl is-active -q linli && [ -S /var/lib/linli/linli.sock ]', 60)
  }, 4 * minutes)
})
