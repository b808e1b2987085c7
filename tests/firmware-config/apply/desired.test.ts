import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { siteFiles } from '../../../firmware-config/backup/gather.ts'
import { ConfigurationBook, keepSecrets, namesSecret, sweepSecrets } from '../../../firmware-config/apply/index.ts'
import { codeOf } from '../../../gateway/kit/index.ts'
import { tempFolder } from '../../support/resources.ts'
import { changingSite, planBetween } from '../../support/site-versions.ts'

const begun = { confirm: 'health' as const, windowMs: 1_000, boot: 'a', beganAt: 0, baseline: { connections: [], devices: [], uplinks: [], failed: [], console: false } }
const mark = (version: number) => ({ version, hash: `h${version}`, actor: 'platform' })
const city = { by: 'platform', origin: 'city' as const }
const codeBy = (work: Promise<unknown>): Promise<string> => work.then(() => 'none', codeOf)
async function* some(...texts: readonly string[]): AsyncIterable<string> { yield* texts }

describe('the book of configurations', () => {
  it('has the city’s newest wish in the write that begins its trial, with its end, over restarts and other changes', async () => {
    const folder = await tempFolder()
    const open = async (): Promise<ConfigurationBook> => (await ConfigurationBook.open(folder)).book
    const book = await open()
    await book.found('one', 1, { reason: '' })
    expect(book.desired).toBe(null)
    await book.begin('two', city, 2, '', begun, mark(4))
    const dead = await open()
    expect([dead.desired, dead.trial?.number]).toEqual([{ ...mark(4), at: 2, number: 2 }, 2])
    await dead.settle('rolled-back', 'why', 'CHANGE_UPLINK_LOST')
    expect((await open()).desired).toEqual({ ...mark(4), at: 2, number: 2, outcome: 'rolled-back', detail: 'why', code: 'CHANGE_UPLINK_LOST' })
    // What people here do is no wish, and ends none.
    await dead.begin('three', { by: 'li', origin: 'cli' }, 3, '', begun)
    await dead.settle('confirmed', 'well')
    expect((await open()).desired).toMatchObject({ version: 4, outcome: 'rolled-back', detail: 'why' })
    await dead.remember({ ...mark(5), at: 4, code: 'CHANGE_LOSS', detail: 'x' })
    await dead.begin('four', { by: 'li', origin: 'cli' }, 5, '', begun)
    expect((await open()).desired).toEqual({ ...mark(5), at: 4, code: 'CHANGE_LOSS', detail: 'x' })
  })
  it('that was written before there were wishes is read', async () => {
    const folder = await tempFolder()
    await writeFile(path.join(folder, 'book.json'), '{"format":1,"inForce":0,"trial":null,"entries":[]}')
    const { book, damaged } = await ConfigurationBook.open(folder)
    expect([damaged, book.desired]).toEqual([false, null])
  })
})

describe('secrets from the city', () => {
  const text = 'a: { file: city-secrets/one }\nb: { file: city-secrets/two.pem } # city-secrets/three'
  it('are named by a text or not, whole words alone', () => {
    expect(['one', 'two', 'two.pem', 'three', 'thre', 'on'].map((name) => namesSecret(text, name))).toEqual([true, false, true, true, false, false])
  })
  it('are files of their owner alone, final by name, and go when no configuration names them', async () => {
    const folder = await tempFolder()
    const site = path.join(folder, 'site.yaml')
    await keepSecrets(site, text, { one: 'first', 'two.pem': 'second' })
    const at = (name: string): string => path.join(folder, 'city-secrets', name)
    expect([await readFile(at('one'), 'utf8'), (await stat(at('one'))).mode & 0o777, (await stat(path.dirname(at('one')))).mode & 0o777]).toEqual(['first', 0o600, 0o700])
    await keepSecrets(site, text, { one: 'first' })
    expect(await codeBy(keepSecrets(site, text, { three: 'new', one: 'other' }))).toBe('DESIRED_SECRET_EXISTS')
    expect(await codeBy(keepSecrets(site, text, { four: 'x' }))).toBe('DESIRED_SECRET_UNUSED')
    expect(await readFile(at('one'), 'utf8')).toBe('first')
    await sweepSecrets(site, some('nothing', 'old: city-secrets/one'))
    expect(await readdir(path.dirname(at('one')))).toEqual(['one'])
    await sweepSecrets(site, some())
    expect(await readdir(path.dirname(at('one')))).toEqual([])
    await sweepSecrets(path.join(folder, 'nowhere/site.yaml'), some())
  })
  it('go with a backup, those of older configurations too', async () => {
    const folder = await tempFolder()
    const site = path.join(folder, 'site.yaml')
    await mkdir(path.join(folder, 'data'))
    await keepSecrets(site, text, { one: 'first' })
    const { found, outside } = await siteFiles(site, {}, path.join(folder, 'data'))
    expect([found.map(({ name, mode }) => [name, mode]), outside]).toEqual([[['site/city-secrets/one', 0o600]], []])
  })
})

describe('a plan', () => {
  const newKey = (): string => createPublicKey(generateKeyPairSync('ed25519').privateKey).export({ type: 'spki', format: 'der' }).toString('base64')
  const keys = [newKey(), newKey()] as const
  const trusting = (...all: readonly (readonly [actor: string, key: string])[]): string =>
    changingSite.replace('url: "mqtt://127.0.0.1:1" }', `url: "mqtt://127.0.0.1:1", configuration: { keys: [${all.map(([actor, key]) => `{ actor: ${actor}, publicKey: "${key}" }`).join(', ')}] } }`)
  const risks = async (before: string, after: string): Promise<readonly string[]> => (await planBetween(before, after)).risks.map(({ kind, text }) => `${kind}: ${text.en}`)
  it('tells when it changes who may configure the box from the city: given, taken away, another key under the same name', async () => {
    const one = trusting(['platform', keys[0]])
    expect(await risks(changingSite, one)).toEqual([expect.stringContaining('care: who may configure this box from the city changes (nobody → platform (city))')])
    expect(await risks(one, changingSite)).toEqual([expect.stringContaining('(platform (city) → nobody)')])
    expect(await risks(one, trusting(['platform', keys[1]]))).toEqual([expect.stringContaining('(platform (city) → platform (city))')])
    expect(await risks(one, trusting(['platform', keys[0]], ['second', keys[1]]))).toEqual([expect.stringContaining('→ platform (city), second (city))')])
    expect(await risks(one, one.replace('below: 0', 'below: 2'))).toEqual([])
    const plan = await planBetween(one, trusting(['platform', keys[1]]))
    expect(plan.lines[0]!.fields).toEqual([{ path: 'configuration.keys[0].publicKey', before: keys[0], after: keys[1] }])
    expect(plan.city.map(({ en }) => en)).toContain('whether and how city brings configurations changes')
  })
  it('is none where two uplinks would count wishes', async () => {
    const two = trusting(['platform', keys[0]]).replace('uplinks: [', `uplinks: [{ id: other, url: "mqtt://127.0.0.1:2", configuration: { keys: [{ actor: platform, publicKey: "${keys[0]}" }] } }, `)
    expect(await planBetween(changingSite, two).catch(String)).toContain('only one uplink can')
  })
})
