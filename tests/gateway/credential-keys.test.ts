import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { openCredentialKeys, rotateCredentialKey } from '../../gateway/credential-keys.ts'
import { codeOf } from '../../gateway/kit/index.ts'
import { tempFolder } from '../support/resources.ts'

const day = 86_400_000
const card = '0008591234'

describe('the keys that card numbers are hashed with', () => {
  it('hash the same card to the same text, over restarts, with their version and never the number', async () => {
    const folder = await tempFolder()
    const keys = await openCredentialKeys(folder, 90, 0)
    expect(keys.hash(card)).toMatch(/^k1:[0-9a-f]{32}$/)
    expect((await openCredentialKeys(folder, 90, 0)).hash(card)).toBe(keys.hash(card))
    expect(keys.hash('0008591235')).not.toBe(keys.hash(card))
    expect((await stat(path.join(folder, 'site.key'))).mode & 0o777).toBe(0o600)
  })
  it('are rotated: new hashes cannot be linked, and old ones are found while they are kept', async () => {
    const folder = await tempFolder()
    const old = (await openCredentialKeys(folder, 90, 0)).hash(card)
    expect(await rotateCredentialKey(folder, 5 * day)).toEqual({ from: 1, to: 2 })
    const keys = await openCredentialKeys(folder, 90, 6 * day)
    expect(keys.hash(card)).toMatch(/^k2:/)
    expect(keys.hash(card).slice(3)).not.toBe(old.slice(3))
    expect(keys.candidates(card)).toEqual([keys.hash(card), old])
    expect((await openCredentialKeys(folder, 90, 95 * day)).candidates(card)).toEqual([keys.hash(card)])
    // Forgotten for good, also in a life that is told another time.
    expect((await openCredentialKeys(folder, 90, 0)).candidates(card)).toEqual([keys.hash(card)])
  })
  it('leave no file behind that holds a forgotten key', async () => {
    const folder = await tempFolder()
    await openCredentialKeys(folder, 90, 0)
    const secret = (await readFile(path.join(folder, 'site.key'))).toString('base64')
    await rotateCredentialKey(folder, day, { forget: true })
    expect(await readdir(folder)).toEqual(['site.keys'])
    expect(await readFile(path.join(folder, 'site.keys'), 'utf8')).not.toContain(secret)
    expect((await stat(path.join(folder, 'site.keys'))).mode & 0o777).toBe(0o600)
    expect((await openCredentialKeys(folder, 90, day)).versions).toEqual([{ version: 2 }])
  })
  it('take over the key of a gateway that knew no versions', async () => {
    const folder = await tempFolder()
    await writeFile(path.join(folder, 'site.key'), Buffer.alloc(32, 7))
    expect((await openCredentialKeys(folder, 90, 0)).version).toBe(1)
  })
  it('are not replaced in silence when they are damaged', async () => {
    const folder = await tempFolder()
    await writeFile(path.join(folder, 'site.key'), 'short')
    await expect(openCredentialKeys(folder, 90, 0)).rejects.toSatisfy((error) => codeOf(error) === 'CREDENTIAL_KEYS')
    for (const text of ['{', '[]', '[{"version":1,"key":"AAAA"}]', '[null]']) {
      await writeFile(path.join(folder, 'site.keys'), text)
      await expect(openCredentialKeys(folder, 90, 0)).rejects.toSatisfy((error) => codeOf(error) === 'CREDENTIAL_KEYS')
    }
    await expect(rotateCredentialKey(await tempFolder(), 0)).rejects.toSatisfy((error) => codeOf(error) === 'CREDENTIAL_KEYS')
  })
})
