import { createPublicKey, randomBytes } from 'node:crypto'
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { maxDesiredBytes, readContent, readDesired, type DesiredMessage } from '../../cloud-sync/desired/message.ts'
import { configurationSchema } from '../../cloud-sync/desired/schema.ts'
import { fateOf, readReported, signReported, type ReportedBody } from '../../cloud-sync/desired/reported.ts'
import { openSealing, seal } from '../../cloud-sync/desired/sealing.ts'
import { openSigner } from '../../cloud-sync/ledger/signing.ts'
import { storeFiles } from '../../firmware-config/backup/gather.ts'
import { codeOf, silentLog } from '../../gateway/kit/index.ts'
import { desiredMessage, newKey } from '../support/desired-city.ts'
import { tempFolder } from '../support/resources.ts'

const key = newKey()
const publicOf = (of: typeof key): string => createPublicKey(of).export({ type: 'spki', format: 'der' }).toString('base64')
const trust = { gateway: 'hall-1', keys: [{ actor: 'platform', publicKey: publicOf(key) }] }
const codeFrom = (work: () => unknown): string => { try { work(); return 'none' } catch (error) { return codeOf(error) } }
const codeBy = (work: Promise<unknown>): Promise<string> => work.then(() => 'none', codeOf)
const bytes = (message: unknown): Buffer => Buffer.from(JSON.stringify(message))
const read = (message: unknown): string => codeFrom(() => readDesired(bytes(message), trust))

const box = await openSealingInMemory()
async function openSealingInMemory() {
  const { generateX25519Identity, identityToRecipient } = await import('age-encryption')
  return { recipient: await identityToRecipient(await generateX25519Identity()) }
}
const sound = await desiredMessage(key, box.recipient, { site: 'linli: 1\n' }, { version: 4, base: 'a'.repeat(64), acceptLoss: true })

describe('a desired configuration', () => {
  it('is believed as it was signed', () => {
    expect(readDesired(bytes(sound), trust)).toMatchObject({ version: 4, actor: 'platform', reason: 'a test', base: 'a'.repeat(64), acceptLoss: true, hash: expect.stringMatching(/^[0-9a-f]{64}$/) })
  })
  it('is not believed when one field of it was changed, taken away or added', async () => {
    const other = await desiredMessage(key, box.recipient, { site: 'linli: 2\n' })
    const changed: Record<Exclude<keyof DesiredMessage, 'desired' | 'gateway' | 'actor'>, unknown> = {
      version: 5, issuedAt: '2026-01-05T08:00:01Z', reason: 'another', base: 'b'.repeat(64), acceptLoss: false, sealed: other.sealed, signature: other.signature,
    }
    for (const [name, value] of Object.entries(changed)) expect([name, read({ ...sound, [name]: value })]).toEqual([name, 'DESIRED_SIGNATURE'])
    for (const name of ['base', 'acceptLoss'] as const) { const { [name]: _, ...rest } = sound; expect([name, read(rest)]).toEqual([name, 'DESIRED_SIGNATURE']) }
    for (const name of Object.keys(sound).filter((each) => !['base', 'acceptLoss'].includes(each))) { const { [name as keyof DesiredMessage]: _, ...rest } = sound; expect([name, read(rest)]).toEqual([name, 'DESIRED_INVALID']) }
    expect([read({ ...sound, desired: 2 }), read({ ...sound, force: true }), read({ ...sound, version: 0 }), read({ ...sound, version: 2 ** 60 }), read({ ...sound, reason: 'a\nb' })]).toEqual(Array(5).fill('DESIRED_INVALID'))
  })
  it('is not believed for another box, of another actor, or by another key', async () => {
    expect(codeFrom(() => readDesired(bytes(sound), { ...trust, gateway: 'hall-2' }))).toBe('DESIRED_GATEWAY')
    expect(read({ ...sound, gateway: 'hall-2' })).toBe('DESIRED_GATEWAY')
    expect(codeFrom(() => readDesired(bytes({ ...sound, gateway: 'hall-2' }), { ...trust, gateway: 'hall-2' }))).toBe('DESIRED_SIGNATURE')
    expect(read({ ...sound, actor: 'somebody' })).toBe('DESIRED_ACTOR')
    // The name of one and the key of another whom the box trusts as well.
    const second = newKey()
    const both = { ...trust, keys: [...trust.keys, { actor: 'second', publicKey: publicOf(second) }] }
    expect(codeFrom(() => readDesired(bytes({ ...sound, actor: 'second' }), both))).toBe('DESIRED_SIGNATURE')
    expect(read(await desiredMessage(second, box.recipient, { site: 'x' }))).toBe('DESIRED_SIGNATURE')
  })
  it('is not decoded when it is too large, and nothing but a code comes of garbage', () => {
    const large = Buffer.alloc(maxDesiredBytes + 1, 0x20)
    expect(codeFrom(() => readDesired(large, trust))).toBe('DESIRED_TOO_LARGE')
    const text = JSON.stringify(sound)
    // The same 64 bytes, written with a bit that base64 does not use.
    expect(read({ ...sound, signature: sound.signature.replace(/(.)==$/, (_, last: string) => `${String.fromCharCode(last.charCodeAt(0) ^ 1)}==`) })).toBe('DESIRED_INVALID')
    for (const cut of [1, 50, 200, text.length - 1]) expect(codeFrom(() => readDesired(Buffer.from(text.slice(0, cut)), trust))).toBe('DESIRED_INVALID')
    expect(codeFrom(() => readDesired(Buffer.from([0xff, 0xfe, 0x00]), trust))).toBe('DESIRED_INVALID')
    fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.json().map((json) => Buffer.from(json))), (some) => { expect(codeFrom(() => readDesired(some, trust))).toBe('DESIRED_INVALID') }), { numRuns: 200 })
    fc.assert(fc.property(fc.nat(text.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const some = Buffer.from(text)
      some[at]! ^= flip
      expect(codeFrom(() => readDesired(some, trust))).toMatch(/^DESIRED_(INVALID|SIGNATURE|GATEWAY|ACTOR)$/)
    }), { numRuns: 200 })
  })
  it('brings secrets by names that are no paths, few and short, and tells nothing of what it refuses', () => {
    const content = (value: unknown): Buffer => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
    expect(readContent(content({ site: '\uFEFFlinli: 1', secrets: { 'mqtt.password-2': 'x' } }))).toEqual({ site: 'linli: 1', secrets: { 'mqtt.password-2': 'x' } })
    for (const name of ['../x', 'a/b', '.hidden', '..', '', 'a\\b', 'UPPER', 'a\0b', 'x'.repeat(65)]) expect([name, codeFrom(() => readContent(content({ site: 'x', secrets: { [name]: 'v' } })))]).toEqual([name, 'DESIRED_CONTENT'])
    for (const value of ['', '[', 'null', '{"site":""}', '{"site":"x","more":1}', { site: 'x', secrets: { a: 'v'.repeat(16_385) } }, { site: 'x', secrets: { a: 1 } }, { site: 'x', secrets: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`s${n}`, 'v'])) }]) {
      expect(codeFrom(() => readContent(content(value)))).toBe('DESIRED_CONTENT')
    }
    expect(readContent(content('{"site":"x","secrets":{"__proto__":"v"}}'))).toEqual({ site: 'x', secrets: {} })
    for (const leak of ['hunter2', '{"site":"x","hunter2":1}', '{"site":"x","secrets":{"hunter2/":"hunter2"}}', '{"site":"x","secrets":{"a":{"hunter2":1}}}']) {
      try { readContent(content(leak)); expect.unreachable() } catch (error) { expect(`${String(error)} ${String((error as Error).cause ?? '')}`).not.toContain('hunter2') }
    }
  })
  it('is trusted by keys that are keys, one for each actor', () => {
    const ok = (value: unknown): boolean => configurationSchema.safeParse(value).success
    const one = { actor: 'platform', publicKey: publicOf(key) }
    expect([ok({ keys: [one] }), ok({ keys: [one], window: '10s' })]).toEqual([true, true])
    expect([ok({}), ok({ keys: [] }), ok({ keys: [one, one] }), ok({ keys: [{ ...one, publicKey: 'AAAA' }] }), ok({ keys: [{ ...one, actor: 'a\nb' }] }), ok({ keys: [one], window: '0s' }), ok({ keys: [one], widow: '1s' })]).toEqual(Array(7).fill(false))
  })
})

describe('the sealing key', () => {
  it('is made once, of its owner alone, opens what was sealed for it, goes with a backup, and is replaced where it is damaged', async () => {
    const folder = await tempFolder()
    const first = await openSealing(folder, silentLog())
    const file = path.join(folder, 'sealing.key')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const [again, together] = await Promise.all([openSealing(folder, silentLog()), openSealing(folder, silentLog())])
    expect([again.recipient, together.recipient]).toEqual([first.recipient, first.recipient])
    const sealed = await seal(Buffer.from('for you alone'), first.recipient)
    expect(Buffer.from(await again.open(sealed)).toString()).toBe('for you alone')
    expect((await storeFiles(folder, { history: false })).map(({ name }) => name)).toContain('store/sealing.key')
    await writeFile(file, 'scribble')
    const fresh = await openSealing(folder, silentLog())
    expect(fresh.recipient).not.toBe(first.recipient)
    expect(await codeBy(fresh.open(sealed))).toBe('DESIRED_UNSEALED')
    expect((await readdir(folder)).some((name) => name.startsWith('sealing.key.damaged-'))).toBe(true)
    await chmod(file, 0o600)
  })
  it('opens nothing that was cut, changed or made up', async () => {
    const { recipient, open } = await openSealing(await tempFolder(), silentLog())
    const sealed = await seal(randomBytes(200), recipient)
    for (const cut of [0, 1, 22, 60, 150, sealed.length - 1]) expect([cut, await codeBy(open(sealed.slice(0, cut)))]).toEqual([cut, 'DESIRED_UNSEALED'])
    for (let at = 0; at < sealed.length; at += 17) { const some = Buffer.from(sealed); some[at]! ^= 1; expect([at, await codeBy(open(some))]).toEqual([at, 'DESIRED_UNSEALED']) }
    expect(await codeBy(open(randomBytes(1_000)))).toBe('DESIRED_UNSEALED')
    expect(await codeBy(seal(Buffer.from('x'), 'age1nonsense'))).toBe('DESIRED_RECIPIENT')
  })
})

describe('what a box reports', () => {
  const body: ReportedBody = {
    gateway: 'hall-1', at: 5, desired: { version: 3, actor: 'platform', state: 'refused', code: 'CHANGE_LOSS', detail: 'x' }, ignored: { at: 4, code: 'DESIRED_OLD', detail: 'y' },
    current: { number: 2, hash: 'a'.repeat(64), origin: 'city', by: 'platform', at: 1, trial: false, edited: false }, floor: 3, recipient: `age1${'q'.repeat(58)}`,
  }
  it('is believed as the box signed it, and not with anything else in it', async () => {
    const signer = await openSigner(await tempFolder(), silentLog())
    const reported = signReported(body, signer)
    expect(readReported(JSON.stringify(reported), signer.publicKey)).toEqual(reported)
    const { recipient: _, ...others } = { ...reported, at: 6, floor: 4, gateway: 'hall-2', desired: { ...body.desired!, state: 'confirmed' }, ignored: null, current: { ...body.current!, by: 'somebody' } }
    for (const name of ['at', 'floor', 'gateway', 'desired', 'ignored', 'current'] as const) expect([name, codeFrom(() => readReported(JSON.stringify({ ...reported, [name]: others[name] })))]).toEqual([name, 'DESIRED_REPORTED'])
    // The one who would read along.
    expect(codeFrom(() => readReported(JSON.stringify({ ...reported, recipient: `age1${'p'.repeat(58)}` })))).toBe('DESIRED_REPORTED')
    const stranger = await openSigner(await tempFolder(), silentLog())
    expect(codeFrom(() => readReported(JSON.stringify(signReported(body, stranger)), signer.publicKey))).toBe('DESIRED_REPORTED')
    expect(codeFrom(() => readReported('{'))).toBe('DESIRED_REPORTED')
  })
  it('says of a wish what the book has of it', () => {
    const entry = (number: number, hash: string) => ({ number, hash, at: 0, by: 'x', origin: 'city' as const, reason: '', outcome: 'confirmed' as const })
    const [mark, configurations] = [{ version: 9, hash: '', actor: 'platform', at: 0 }, [entry(3, 'c'), entry(2, 'b'), entry(1, 'a')]]
    const state = (more: object, inForce: number, previous?: number): string => fateOf({ ...mark, ...more }, { inForce, configurations, trial: previous === undefined ? null : { number: inForce, previous, confirm: 'health', windowMs: 1, leftMs: 1, findings: [] } }).state
    expect([state({ code: 'CHANGE_LOSS' }, 1), state({ number: 2 }, 2, 1), state({ number: 2, outcome: 'confirmed' }, 2), state({ number: 2, outcome: 'confirmed' }, 3), state({ number: 2, outcome: 'rolled-back', code: 'X' }, 1)]).toEqual(['refused', 'trial', 'confirmed', 'replaced', 'rolled-back'])
    // On trial over it: nothing is replaced before that stays. And one that the book let go of long ago is.
    expect([state({ number: 2, outcome: 'confirmed' }, 3, 2), state({ number: 77, outcome: 'confirmed' }, 3)]).toEqual(['confirmed', 'replaced'])
  })
  it('names a file that age-keygen would have written', async () => {
    const folder = await tempFolder()
    await openSealing(folder, silentLog())
    expect(await readFile(path.join(folder, 'sealing.key'), 'utf8')).toMatch(/^# public key: age1[0-9a-z]{58}\nAGE-SECRET-KEY-1[0-9A-Z]{58}\n$/)
  })
})
