import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect } from 'vitest'
import { unpackTar } from 'modern-tar'
import { gunzipSync } from 'node:zlib'
import { hashOf } from '../../firmware-config/apply/index.ts'
import type { ChangeView } from '../../gateway/contract/index.ts'
import { linli } from '../support/command-line.ts'
import { edit } from '../support/changing-house.ts'
import { desiredCity, type DesiredCity } from '../support/desired-city.ts'
import { itWith } from '../support/tools.ts'

const secret = 'correct-horse-9f3c'
const withHook = (text: string): string => `${text}channels: [{ id: group, kind: wecom, token: { file: city-secrets/hook } }]\n`
const named = (text: string, name: string): string => text.replace('en: hall', `en: ${name}`)
/** By somebody on site. */
const apply = (city: DesiredCity, text: string, confirm: 'health' | 'person' = 'health'): Promise<ChangeView> =>
  city.control.orderChange<ChangeView>({ action: 'apply', text, by: 'li', reason: 'on site', confirm, windowMs: confirm === 'health' ? 1_000 : 60_000, acceptLoss: false })
const settled = (city: DesiredCity): Promise<void> => expect.poll(() => city.control.changes().then(({ trial }) => trial, () => 'turning'), { timeout: 15_000, interval: 50 }).toBe(null)
const until = (what: () => unknown, wanted: unknown): Promise<void> => expect.poll(() => { try { return what() } catch { return null } }, { timeout: 15_000, interval: 20 }).toEqual(wanted)

describe('a configuration from the city', () => {
  itWith('mosquitto')('is tried, stays when all is well, and is told; what people here change later is not fought', { timeout: 60_000 }, async () => {
    const city = await desiredCity({ windowMs: 1_000 })
    await until(() => city.reported().floor, 0)
    expect(city.reported()).toMatchObject({ desired: null, ignored: null, current: { number: 1, origin: 'file', hash: hashOf(city.text) } })
    const file = path.join(city.folder, 'hook.txt')
    await writeFile(file, `${secret}\n`)
    const text = withHook(city.text)
    const sent = await city.wishByCommand(text, 7, ['--secret', `hook=${file}`, '--base', hashOf(city.text)])
    expect(await city.until('trial', 7)).toMatchObject({ desired: { number: 2 }, current: { number: 2, origin: 'city', by: 'platform', trial: true }, floor: 7 })
    expect(await city.until('confirmed', 7)).toMatchObject({ current: { number: 2, trial: false, hash: hashOf(text) } })
    expect(await readFile(city.file, 'utf8')).toBe(text)
    const kept = path.join(city.folder, 'city-secrets/hook')
    expect([await readFile(kept, 'utf8'), (await stat(kept)).mode & 0o777]).toEqual([`${secret}\n`, 0o600])
    expect((await city.control.changes()).configurations[0]).toMatchObject({ by: 'platform', origin: 'city', reason: 'the city says so', outcome: 'confirmed' })
    expect(await linli('desired', 'show', '--socket', path.join(city.folder, 'data/linli.sock'))).toMatchObject({ code: 0, stdout: expect.stringContaining('version 7 of platform is confirmed') })

    // A change on site stands, although the retained wish is heard again with each connection.
    await apply(city, named(text, 'foyer'))
    await city.until('replaced', 7)
    await settled(city)
    expect(city.reported()).toMatchObject({ desired: { number: 2 }, current: { number: 3, by: 'li', origin: 'cli' } })
    await city.publish(sent)
    await city.wish(city.text, 6)
    await until(() => city.reported().ignored?.code, 'DESIRED_OLD')
    await city.wish(city.text, 7)
    await until(() => city.reported().ignored?.code, 'DESIRED_REUSED')
    await city.publish(sent.replace('"reason":"the city', '"reason":"The city').replace('"version":7', '"version":8'))
    await until(() => city.reported().ignored?.code, 'DESIRED_SIGNATURE')
    await city.publish('')
    expect(await city.until('replaced', 7)).toMatchObject({ floor: 7 })
    expect((await city.control.changes()).configurations.length).toBe(3)

    // Nowhere but in its own file: not on the wire, in the log, in the store, in what leaves the box for support.
    const bundle = path.join(city.folder, 'support.tar.gz')
    expect(await linli('support-bundle', city.file, '--out', bundle)).toMatchObject({ code: 0 })
    const packed = await unpackTar(gunzipSync(await readFile(bundle)))
    expect(packed.length).toBeGreaterThan(5)
    const stored = await Promise.all((await readdir(path.join(city.folder, 'data'), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => readFile(path.join(entry.parentPath, entry.name), 'latin1')))
    for (const text of [...city.heard.map(({ payload }) => payload), ...city.gateway.log, ...stored, ...packed.map(({ data }) => Buffer.from(data ?? []).toString())]) expect(text).not.toContain(secret)
    expect(city.gateway.log.join('')).toContain('wishes for another configuration')
  })

  itWith('mosquitto')('that cuts the road to the city goes again by itself, also after kill -9, is told, and is not tried again', { timeout: 60_000 }, async () => {
    const city = await desiredCity({ windowMs: 2_500, protocol: '3.1.1' })
    const cut = city.text.replace(/url: "[^"]*"/, 'url: "mqtt://127.0.0.1:9"')
    await city.wish(cut, 1)
    await city.until('trial', 1)
    await city.restart('SIGKILL')
    expect(await city.until('rolled-back', 1)).toMatchObject({ desired: { number: 2, code: 'CHANGE_UPLINK_LOST' }, floor: 1, current: { number: 1, trial: false } })
    expect(await readFile(city.file, 'utf8')).toBe(city.text)
    const told = (): number => city.heard.filter(({ topic }) => topic.endsWith('config/reported')).length
    const before = told()
    await city.restart('SIGKILL')
    await until(() => told() > before, true)
    expect(await city.until('rolled-back', 1)).toMatchObject({ floor: 1 })
    expect((await city.control.changes()).configurations.map(({ number, outcome }) => [number, outcome])).toEqual([[2, 'rolled-back'], [1, 'found']])
    // The same under the next number is another wish, and stays through a kill -9.
    await city.wish(named(city.text, 'foyer'), 2)
    await city.until('trial', 2)
    await city.restart('SIGKILL')
    expect(await city.until('confirmed', 2)).toMatchObject({ current: { number: 3, origin: 'city' } })
    expect(await readFile(city.file, 'utf8')).toBe(named(city.text, 'foyer'))
  })

  itWith('mosquitto')('is refused with a code where it cannot be, waits for the end of another trial, and leaves no secret behind', { timeout: 60_000 }, async () => {
    const city = await desiredCity({ windowMs: 1_000 })
    const refusal = async (version: number): Promise<unknown> => { const { desired } = await city.until('refused', version); return [desired!.code, desired!.detail] }
    // Larger than commands may be; and what is wrong in it is told without a word of it.
    await city.wish(`${withHook(city.text)}${'# a long way down\n'.repeat(15_000)}doors: hunter2\n`, 1, { secrets: { hook: secret } })
    expect(await refusal(1)).toEqual(['CONFIG_INVALID', expect.stringMatching(/^the site file has 1 problem, at 15\d+:\d+ doors; linli check tells more$/)])
    const bomb = `${city.text}x0: &x0 [lol, lol]\n${Array.from({ length: 30 }, (_, n) => `x${n + 1}: &x${n + 1} [*x${n}, *x${n}]`).join('\n')}\n`
    await city.wish(bomb, 2)
    expect(await refusal(2)).toEqual(['CONFIG_INVALID', expect.any(String)])
    await city.wish(city.text, 3, { fields: { base: 'f'.repeat(64) } })
    expect(await refusal(3)).toEqual(['CHANGE_BASE', expect.stringContaining('another configuration')])
    await city.wish(city.text.replace('log:', 'events: { keepDays: 2 }\nlog:'), 4, { secrets: { hook: secret } })
    expect(await refusal(4)).toEqual(['DESIRED_SECRET_UNUSED', expect.stringContaining('city-secrets/hook')])
    await city.wish(city.text.replace('log:', 'events: { keepDays: 2 }\nlog:'), 5)
    expect(await refusal(5)).toEqual(['CHANGE_LOSS', expect.stringContaining('events.keepDays shrinks')])
    await edit(city.file, `${city.text}# by hand\n`)
    await city.wish(named(city.text, 'foyer'), 6)
    expect(await refusal(6)).toEqual(['CHANGE_FILE_EDITED', expect.any(String)])
    expect(await readFile(city.file, 'utf8')).toBe(`${city.text}# by hand\n`)
    await edit(city.file, city.text)
    expect(await readdir(path.join(city.folder, 'city-secrets'))).toEqual([])

    await apply(city, named(city.text, 'porch'), 'person')
    await until(() => city.reported().current?.trial, true)
    await city.wish(withHook(city.text), 7, { secrets: { hook: secret } })
    expect(await city.until('waiting', 7)).toMatchObject({ desired: { code: 'CHANGE_TRIAL_RUNNING' }, floor: 6 })
    await city.control.orderChange({ action: 'roll-back', by: 'li', reason: '', windowMs: 1_000 })
    expect(await city.until('confirmed', 7)).toMatchObject({ current: { number: 3, origin: 'city' } })
    // Another value under the name would take the old one from the configuration that a way back leads to.
    await city.wish(named(withHook(city.text), 'foyer'), 10, { secrets: { hook: 'another' } })
    expect(await refusal(10)).toEqual(['DESIRED_SECRET_EXISTS', expect.stringContaining('hook')])
    expect(await readFile(path.join(city.folder, 'city-secrets/hook'), 'utf8')).toBe(secret)
    for (const text of [...city.heard.map(({ payload }) => payload), ...city.gateway.log]) for (const word of [secret, 'hunter2']) expect(text).not.toContain(word)
  })
})
