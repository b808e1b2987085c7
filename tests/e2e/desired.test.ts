import { readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect } from 'vitest'
import { hashOf } from '../../firmware-config/apply/index.ts'
import { desiredCity } from '../support/desired-city.ts'
import { itWith } from '../support/tools.ts'

describe('a configuration from the city', () => {
  itWith('mosquitto')('is tried, stays when all is well, and is told; what people here change later is not fought', { timeout: 60_000 }, async () => {
    const city = await desiredCity({ windowMs: 1_000 })
    await expect.poll(() => city.heard.some(({ topic }) => topic.endsWith('config/reported')), { timeout: 10_000 }).toBe(true)
    expect(city.reported()).toMatchObject({ desired: null, ignored: null, floor: 0, current: { number: 1, origin: 'file', hash: hashOf(city.text) } })
    const secret = path.join(city.folder, 'hook.txt')
    await writeFile(secret, 'hunter2-of-the-hook\n')
    const text = `${city.text}channels: [{ id: group, kind: wecom, token: { file: city-secrets/hook } }]\n`
    await city.wish(text, 7, ['--secret', `hook=${secret}`, '--base', hashOf(city.text)])
    expect(await city.until('trial', 7)).toMatchObject({ desired: { number: 2 }, current: { number: 2, origin: 'city', by: 'platform', trial: true }, floor: 7 })
    expect(await city.until('confirmed', 7)).toMatchObject({ current: { number: 2, trial: false, hash: hashOf(text) } })
    expect(await readFile(city.file, 'utf8')).toBe(text)
    const kept = path.join(city.folder, 'city-secrets/hook')
    expect([await readFile(kept, 'utf8'), (await stat(kept)).mode & 0o777]).toEqual(['hunter2-of-the-hook\n', 0o600])
    expect((await city.control.changes()).configurations[0]).toMatchObject({ by: 'platform', origin: 'city', reason: 'the city says so', outcome: 'confirmed' })
  })
})
