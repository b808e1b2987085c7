import { execFile } from 'node:child_process'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkpointId, checkpointText, isSignedBy, keyIdOf, rotationText, type CheckpointData } from '../../cloud-sync/ledger/checkpoint.ts'
import { Ledger, signed } from '../../cloud-sync/ledger/ledger.ts'
import { openSigner, rotateSigningKey } from '../../cloud-sync/ledger/signing.ts'
import { FakeClock, silentLog } from '../../gateway/kit/index.ts'
import { contentOf, drain, event, journalIn } from '../support/journals.ts'
import { tempFolder } from '../support/resources.ts'
import { itWith } from '../support/tools.ts'

const run = promisify(execFile)
const log = silentLog()

describe('the signing key', () => {
  it('is made once, for the gateway\'s user alone, and stays', async () => {
    const folder = await tempFolder()
    const [one, two] = await Promise.all([openSigner(folder, log), openSigner(folder, log)])
    expect(two.publicKey).toBe(one.publicKey)
    expect(await readdir(folder)).toEqual(['signing.key'])
    expect((await stat(path.join(folder, 'signing.key'))).mode & 0o777).toBe(0o600)
    expect((await openSigner(folder, log)).keyId).toBe(one.keyId)
  })
  it('that is deleted gives way to a new one nobody vouches for', async () => {
    const folder = await tempFolder()
    const one = await openSigner(folder, log)
    await rm(path.join(folder, 'signing.key'))
    const two = await openSigner(folder, log)
    expect(two.keyId).not.toBe(one.keyId)
    expect(two.rotation).toBeUndefined()
  })
  it('that cannot be read is set aside, not overwritten', async () => {
    const folder = await tempFolder()
    await writeFile(path.join(folder, 'signing.key'), 'half a ke')
    await openSigner(folder, log)
    const aside = (await readdir(folder)).find((name) => name.includes('damaged'))
    expect(await readFile(path.join(folder, aside!), 'utf8')).toBe('half a ke')
  })
  it('hands over to a new one with its word', async () => {
    const folder = await tempFolder()
    const old = await openSigner(folder, log)
    await rotateSigningKey(folder, 'hall-1')
    const fresh = await openSigner(folder, log)
    expect(fresh.rotation!.from).toBe(old.keyId)
    expect(isSignedBy(old.publicKey, rotationText('hall-1', fresh.publicKey), fresh.rotation!.signature)).toBe(true)
    expect(isSignedBy(old.publicKey, rotationText('hall-2', fresh.publicKey), fresh.rotation!.signature)).toBe(false)
    await rm(path.join(folder, 'signing.key'))
    expect((await openSigner(folder, log)).rotation).toBeUndefined()
  })
  it('cannot be handed over where there is none', async () => {
    await expect(rotateSigningKey(await tempFolder(), 'hall-1')).rejects.toMatchObject({ code: 'SIGNING_KEY' })
  })
  it('says what is wrong with a folder that cannot be written', async () => {
    await expect(openSigner('/proc/no-such-folder', log)).rejects.toMatchObject({ code: 'SIGNING_KEY', message: expect.stringContaining('/proc/no-such-folder') })
  })
})

describe('a checkpoint', () => {
  const heads = { alert: { epoch: '00000001-aaaaaaaa', seq: 0, hash: '' }, event: { epoch: '00000001-aaaaaaaa', seq: 7, hash: 'ab'.repeat(32) } }
  it('signs bytes that are written down', () => {
    expect(checkpointText({ gateway: 'hall-1', time: '2026-01-05T08:00:00.000Z', keyid: '0123456789abcdef', previous: '', streams: { event: heads.event, alert: heads.alert } })).toBe(
      `linli-checkpoint-1\nhall-1\n2026-01-05T08:00:00.000Z\n0123456789abcdef\n-\nalert 00000001-aaaaaaaa 0 -\nevent 00000001-aaaaaaaa 7 ${'ab'.repeat(32)}\n`)
  })
  it('law: no other heads, time or gateway have its signature', async () => {
    const signer = await openSigner(await tempFolder(), log)
    const { event: { data } } = signed({ gateway: 'hall-1', at: 0, previous: '', heads, signer })
    const { signature, key } = data as CheckpointData
    const body = { gateway: 'hall-1', time: '1970-01-01T00:00:00.000Z', keyid: signer.keyId, previous: '', streams: heads }
    expect(isSignedBy(key, checkpointText(body), signature)).toBe(true)
    fc.assert(fc.property(fc.record({ gateway: fc.string(), time: fc.string(), previous: fc.string(), streams: fc.dictionary(fc.string(), fc.record({ epoch: fc.string(), seq: fc.nat(), hash: fc.string() })) }, { requiredKeys: [] }), (other) => {
      const text = checkpointText({ ...body, ...other })
      expect(isSignedBy(key, text, signature)).toBe(text === checkpointText(body))
    }))
  })
  itWith('openssl')('is verified by openssl alone', async () => {
    const folder = await tempFolder()
    const signer = await openSigner(folder, log)
    const { event: { data } } = signed({ gateway: 'hall-1', at: 1_767_600_000_000, previous: '', heads, signer })
    const { signature, key, id } = data as CheckpointData
    const text = checkpointText({ gateway: 'hall-1', time: '2026-01-05T08:00:00.000Z', keyid: signer.keyId, previous: '', streams: heads })
    await Promise.all([writeFile(path.join(folder, 'text'), text), writeFile(path.join(folder, 'sig'), Buffer.from(signature, 'base64')), writeFile(path.join(folder, 'pub.der'), Buffer.from(key, 'base64'))])
    const verify = (): Promise<{ stdout: string }> => run('openssl', ['pkeyutl', '-verify', '-pubin', '-inkey', path.join(folder, 'pub.der'), '-keyform', 'DER', '-rawin', '-in', path.join(folder, 'text'), '-sigfile', path.join(folder, 'sig')])
    expect((await verify()).stdout).toContain('Verified Successfully')
    expect(id).toBe((await run('sha256sum', [path.join(folder, 'text')])).stdout.slice(0, 64))
    expect(keyIdOf(key)).toBe((await run('sha256sum', [path.join(folder, 'pub.der')])).stdout.slice(0, 16))
    await writeFile(path.join(folder, 'text'), text.replace(' 7 ', ' 8 '))
    await expect(verify()).rejects.toThrow()
  })
})

describe('the ledger', () => {
  it('writes a checkpoint at the start, on its schedule and at the stop, each naming the one before and where the chains stand', async () => {
    const folder = await tempFolder()
    const clock = new FakeClock()
    const journal = await journalIn(folder)
    const reader = await journal.reader('city', { from: 'start' })
    const signer = await openSigner(folder, log)
    const ledger = new Ledger({ gateway: 'hall-1', journal, signer, clock, log, everyMs: 3_600_000 })
    await ledger.start()
    await journal.commit({ events: [event(1), event(2)], urgent: true })
    await clock.advance(3_600_000)
    await ledger.checkpoint()
    await ledger.stop()
    await clock.advance(3_600_000)
    const found = (await drain(reader, 'ledger')).map(contentOf).filter(({ type }: { type: string }) => type === 'checkpoint').map(({ data }: { data: CheckpointData }) => data)
    expect(found.map(({ streams }) => streams.event!.seq)).toEqual([0, 2, 2, 2])
    expect(found.map(({ previous }) => previous)).toEqual(['', ...found.slice(0, 3).map(({ id }) => id)])
    for (const [index, data] of found.entries()) {
      const time = new Date(Date.UTC(2026, 0, 5, index === 0 ? 8 : 9)).toISOString()
      const text = checkpointText({ gateway: 'hall-1', time, ...data })
      expect(checkpointId(text)).toBe(data.id)
      expect(isSignedBy(data.key, text, data.signature)).toBe(true)
    }
  })
  it('goes on from the last checkpoint of the life before', async () => {
    const folder = await tempFolder()
    const signer = await openSigner(folder, log)
    const parts = { gateway: 'hall-1', signer, clock: new FakeClock(), log, everyMs: 3_600_000 }
    const first = await journalIn(folder)
    await new Ledger({ ...parts, journal: first }).start()
    await first[Symbol.asyncDispose]()
    const second = await journalIn(folder)
    const reader = await second.reader('city', { from: 'start' })
    await new Ledger({ ...parts, journal: second }).start()
    const found = (await drain(reader, 'ledger')).map(contentOf).filter(({ type }: { type: string }) => type === 'checkpoint')
    expect(found[1].data.previous).toBe(found[0].data.id)
    expect(found[1].data.previous).not.toBe('')
  })
})
