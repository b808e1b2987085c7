import { readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigurationBook, hashOf, interrupted, judge, type Trial } from '../../../firmware-config/apply/index.ts'
import { tempFolder } from '../../support/resources.ts'

const baseline = { connections: [], devices: [], uplinks: [], failed: [], console: false }
const trial: Trial = { number: 2, previous: 1, confirm: 'person', windowMs: 60_000, boot: 'a', beganAt: 1_000, starts: 0, baseline }
const begun = { confirm: 'person' as const, windowMs: 1_000, boot: 'a', beganAt: 0, baseline }
const lost = { code: 'CHANGE_UPLINK_LOST', text: { zh: '断', en: 'gone' } }

describe('a trial', () => {
  it('waits until its end, then stays or goes as health and people say', () => {
    const at = (upMs: number, findings = [] as (typeof lost)[], confirm: Trial['confirm'] = 'person') => { const verdict = judge({ ...trial, confirm }, { boot: 'a', upMs }, findings); return verdict.do === 'roll-back' ? verdict.why.code : verdict.do }
    expect([at(60_999), at(60_999, [lost]), at(61_000), at(61_000, [lost]), at(61_000, [], 'health'), at(61_000, [lost], 'health')]).toEqual(['wait', 'wait', 'CHANGE_NOT_CONFIRMED', 'CHANGE_UPLINK_LOST', 'confirm', 'CHANGE_UPLINK_LOST'])
  })
  it('does not outlive the machine, its time, or a gateway that dies again and again', () => {
    expect(interrupted(trial, { boot: 'a', upMs: 2_000 })).toBe(null)
    for (const now of [{ boot: 'b', upMs: 2_000 }, { boot: 'a', upMs: 61_000 }, { boot: 'a', upMs: 500 }]) expect(interrupted(trial, now)?.code).toBe('CHANGE_INTERRUPTED')
    expect(interrupted({ ...trial, starts: 2 }, { boot: 'a', upMs: 2_000 })?.code).toBe('CHANGE_INTERRUPTED')
  })
})

describe('the book of configurations', () => {
  it('keeps who, when and why, over restarts, readable by its owner alone', async () => {
    const folder = path.join(await tempFolder(), 'store', 'configurations')
    const { book } = await ConfigurationBook.open(folder)
    await book.found('one', 1, { reason: 'first' })
    await book.begin('two', { by: 'li', origin: 'cli' }, 2, 'a new bus', begun)
    const { book: again } = await ConfigurationBook.open(folder)
    expect(again.trial).toMatchObject({ number: 2, previous: 1, starts: 0 })
    await again.settle('rolled-back', 'nobody confirmed it')
    const third = (await ConfigurationBook.open(folder)).book
    expect([third.inForce, third.trial, await third.text(2)]).toEqual([1, null, 'two'])
    expect(third.entries()).toEqual([
      { number: 2, at: 2, by: 'li', origin: 'cli', reason: 'a new bus', hash: hashOf('two'), outcome: 'rolled-back', note: 'nobody confirmed it' },
      { number: 1, at: 1, by: 'file', origin: 'file', reason: 'first', hash: hashOf('one'), outcome: 'found' },
    ])
    expect(await third.text(9).catch((error: { code: string }) => error.code)).toBe('CONFIGURATION_UNKNOWN')
  })
  it('begins anew where it was damaged, keeping what was there', async () => {
    const folder = await tempFolder()
    await writeFile(path.join(folder, 'book.json'), '{"format":1,"inF')
    const { book, damaged } = await ConfigurationBook.open(folder)
    expect([damaged, book.inForce]).toEqual([true, 0])
    expect(await readdir(folder)).toContain('book.json.damaged')
  })
  it('keeps fifty, never letting go of the one in force or the one to go back to', { timeout: 30_000 }, async () => {
    const folder = await tempFolder()
    const { book } = await ConfigurationBook.open(folder)
    await book.found('0', 0, { reason: '' })
    for (let n = 1; n <= 55; n++) { await book.begin(String(n), { by: 'li', origin: 'cli' }, n, '', begun); await book.settle('rolled-back', '') }
    expect([book.entries().length, book.inForce, await book.text(1)]).toEqual([50, 1, '0'])
    expect((await readdir(folder)).length).toBe(51)
  })
  it('has one configuration in force after any sequence of orders', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.constantFrom('begin', 'confirmed', 'rolled-back', 'found', 'started', 'reopen'), { maxLength: 12 }), async (steps) => {
      const folder = await tempFolder()
      let { book } = await ConfigurationBook.open(folder)
      let [n, expected, before] = [1, '1', '']
      await book.found('1', 0, { reason: '' })
      for (const step of steps) {
        if (step === 'reopen') ({ book } = await ConfigurationBook.open(folder))
        else if (step === 'started') await book.started()
        else if (step === 'begin') { if (!book.trial) { before = expected; await book.begin(expected = String(++n), { by: '', origin: 'cli' }, 0, '', begun) } }
        else if (step === 'found') { if (!book.trial) await book.found(expected = String(++n), 0, { reason: '' }) }
        else { if (book.trial && step === 'rolled-back') expected = before; await book.settle(step, '') }
        expect(await book.text(book.inForce)).toBe(expected)
        expect(book.entries().filter(({ outcome }) => outcome === 'trial').length).toBe(book.trial ? 1 : 0)
      }
    }), { numRuns: 15 })
  })
})
