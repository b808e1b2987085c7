import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import { expect, it } from 'vitest'
import { readArchive, writeArchive, type Member } from '../../firmware-config/backup/archive.ts'
import { restore } from '../../firmware-config/backup/restore.ts'
import { linli } from '../support/command-line.ts'
import { runGateway, siteFile } from '../support/gateways.ts'
import { freePort, tempFolder } from '../support/resources.ts'

const member = (name: string, text: string): Member => ({ name, mode: 0o600, size: Buffer.byteLength(text), body: (async function* () { yield Buffer.from(text) })() })
async function* list(...members: readonly Member[]): AsyncGenerator<Member> { yield* members }
const manifest = (changes: object = {}): string => JSON.stringify({ format: 1, linli: '0', gateway: 'hall-1', at: 0, site: 'site.yaml', store: 'data', outside: [], records: true, history: false, ...changes })

/** A gateway that runs, with a secret beside its site file and one elsewhere, and its site's own profile. */
async function site() {
  const [folder, elsewhere] = [await tempFolder(), await tempFolder()]
  await mkdir(path.join(folder, 'secrets'))
  await writeFile(path.join(folder, 'secrets/kiosk'), 'right horse', { mode: 0o600 })
  await writeFile(path.join(elsewhere, 'city'), 'city horse', { mode: 0o600 })
  const file = await siteFile(folder, [`connections: [{ id: broker, driver: mqtt, listen: { port: ${await freePort()} } }]`, 'devices:',
    '  - { id: kiosk, name: { zh: 终端, en: kiosk }, connection: broker, profile: self-service-terminal, password: { file: secrets/kiosk } }',
    `uplinks: [{ id: city, url: "mqtt://127.0.0.1:${await freePort()}", username: hall, password: { file: ${elsewhere}/city } }]`])
  await writeFile(file, (await readFile(file, 'utf8')).replace(`${folder}/data`, 'data'))
  return { folder, elsewhere, file }
}

it('a gateway that runs is backed up, and the backup runs as the same gateway in another place, under a new epoch', { timeout: 30_000 }, async () => {
  const { folder, elsewhere, file } = await site()
  const keys = path.join(await tempFolder(), 'key')
  const identity = await generateIdentity()
  await writeFile(keys, `# a comment\n${identity}\n`)
  const gateway = await runGateway(file)
  const { epoch } = await gateway.status()
  const out = path.join(await tempFolder(), 'hall.backup')
  const made = await linli('backup', file, '--out', out, '--recipient', await identityToRecipient(identity), '--json')
  expect(made).toMatchObject({ code: 0, stderr: '' })
  expect(JSON.parse(made.stdout)).toMatchObject({ gateway: 'hall-1', store: 'data', outside: [`${elsewhere}/city`.slice(1)], records: true })
  expect((await stat(out)).mode & 0o777).toBe(0o600)
  expect((await readFile(out)).includes('horse')).toBe(false)
  gateway.process.kill('SIGKILL')
  await gateway.exited

  const target = path.join(await tempFolder(), 'new')
  const restored = await linli('restore', out, target, '--identity', keys, '--json')
  expect(restored).toMatchObject({ code: 0, stderr: '' })
  const { outside, records } = JSON.parse(restored.stdout) as { outside: string[]; records: number }
  expect(records).toBeGreaterThan(0)
  expect(await readFile(path.join(target, 'secrets/kiosk'), 'utf8')).toBe('right horse')
  expect((await stat(path.join(target, 'secrets/kiosk'))).mode & 0o777).toBe(0o600)
  expect(await Promise.all(outside.map((place) => readFile(place, 'utf8')))).toEqual(['city horse'])
  const second = await runGateway(path.join(target, 'site.yaml'))
  expect((await second.status()).epoch > epoch).toBe(true)
  second.process.kill('SIGTERM')
  await second.exited
  expect(await linli('restore', out, target, '--identity', keys)).toMatchObject({ code: 1, stderr: expect.stringMatching(/RESTORE_IN_THE_WAY .*is not empty/) })
  expect(await linli('restore', out, target, '--identity', keys, '--replace')).toMatchObject({ code: 0, stdout: expect.stringMatching(/what was there before: .*\.before-/) })

  // The same of a gateway that does not run, with words.
  const words = path.join(folder, 'words')
  await writeFile(words, 'four words nobody says\n')
  const stopped = path.join(folder, 'stopped.backup')
  expect(await linli('backup', path.join(target, 'site.yaml'), '--out', stopped, '--passphrase', words)).toMatchObject({ code: 0, stdout: expect.stringContaining('backed up hall-1') })
  const wrong = path.join(folder, 'wrong')
  await writeFile(wrong, 'four other words\n')
  expect(await linli('restore', stopped, path.join(folder, 'x'), '--passphrase', wrong)).toMatchObject({ code: 1, stderr: expect.stringContaining('BACKUP_KEY') })
  expect(await linli('restore', stopped, path.join(folder, 'x'), '--passphrase', words)).toMatchObject({ code: 0 })
  expect(await stat(path.join(folder, 'x/data/journal/log/CURRENT'))).toBeTruthy()
})

it('what is no backup, was cut off, changed or made to break out writes nothing', async () => {
  const folder = await tempFolder()
  const identity = await generateIdentity()
  const seal = { recipients: [await identityToRecipient(identity)] }
  const opener = { identities: [identity] }
  const into = async (file: string) => restore(readArchive(file, opener), { folder: path.join(folder, 'to'), replace: false, suffix: 'abcd', fill: async (_place, chunks) => { let bytes = 0; for await (const chunk of chunks) bytes += chunk.length; return bytes } })
  const made = async (...members: readonly Member[]): Promise<string> => { const file = path.join(folder, `a${Math.random()}`); await writeArchive(file, list(...members), seal); return file }
  const sound = await made(member('backup.json', manifest()), member('site/site.yaml', 'linli: 1'), member('journal/000000', 'x'.repeat(200_000)))
  const bytes = await readFile(sound)
  const cut = path.join(folder, 'cut'); await writeFile(cut, bytes.subarray(0, bytes.length - 40))
  const changed = path.join(folder, 'changed'); const copy = Buffer.from(bytes); copy[copy.length - 30]! ^= 1; await writeFile(changed, copy)
  const text = path.join(folder, 'text'); await writeFile(text, 'linli: 1\n')
  const bad = [cut, changed, text, path.join(folder, 'nowhere'),
    await made(member('site/site.yaml', 'x')),
    await made(member('backup.json', '{')),
    await made(member('backup.json', manifest({ store: '../../etc' })), member('journal/000000', 'x')),
    await made(member('backup.json', manifest({ site: '../x' })), member('journal/000000', 'x')),
    await made(member('backup.json', manifest()), member('site/../../x', 'x'), member('journal/000000', 'x')),
    await made(member('backup.json', manifest()), member('/etc/x', 'x'), member('journal/000000', 'x')),
    await made(member('backup.json', manifest()), member('else/x', 'x'), member('journal/000000', 'x')),
    await made(member('backup.json', manifest()), member('site/site.yaml', 'x')),
    await made(member('backup.json', manifest()), member('journal/000000', 'x'), member('site/site.yaml', 'x'))]
  for (const file of bad) await expect(into(file), file).rejects.toMatchObject({ code: 'BACKUP_UNREADABLE' })
  await expect(into(await made(member('backup.json', manifest({ format: 9 }))))).rejects.toMatchObject({ code: 'BACKUP_NEWER' })
  await expect(stat(path.join(folder, 'to'))).rejects.toMatchObject({ code: 'ENOENT' })
  expect(await into(sound)).toMatchObject({ records: 200_000 })
  expect(await readFile(path.join(folder, 'to/site.yaml'), 'utf8')).toBe('linli: 1')
})
