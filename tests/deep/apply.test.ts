import { readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { hashOf } from '../../firmware-config/apply/index.ts'
import { readSite } from '../../gateway/cli/rooms.ts'
import { badConfigurations } from '../support/bad-configurations.ts'
import { changingHouse, edit, type ChangingHouse } from '../support/changing-house.ts'
import { linli } from '../support/command-line.ts'
import { scale, seededRandom } from '../support/seed.ts'

/** The real one where it counts; shorter where it is only tried out. */
const windowMs = scale >= 20 ? 60_000 : 3_000
const houses = 10

it('50 bad configurations: each is back within 120 s of --confirm 60s, and the old one serves its values again', { timeout: 1_800_000 }, async () => {
  const all: ChangingHouse[] = []
  // One after the other: ten processes that begin at once are slow to begin.
  for (let n = 0; n < houses; n++) all.push(await changingHouse({ console: true }))
  for (const house of all) { house.kiosk(); await house.well() }
  const wrong: string[] = []
  const outcomes = new Map<string, number>()
  let tried = 0
  await Promise.all(all.map(async (house, index) => {
    for (const [at, [name, text]] of badConfigurations(house.text).entries()) {
      if (at % houses !== index) continue
      if (!await readSite(house.file, { text }).then(() => true, () => false)) continue
      tried++
      const began = performance.now()
      // Half of them nobody confirms in any case, half are found out by what does not work.
      await house.apply(text, { confirm: at % 2 === 0 ? 'person' : 'health', windowMs })
      const view = await house.settled(120_000)
      await house.well(120_000 - Math.min(110_000, performance.now() - began)).catch(async () => { wrong.push(`${name}: not well: ${JSON.stringify((await house.control.status()).uplinks)}\n${house.gateway.log.slice(-30).join('')}`) })
      const seconds = (performance.now() - began) / 1_000
      const { number, outcome, note = '' } = view.configurations[0]!
      const code = /\((CHANGE_\w+)\)$/.exec(note)?.[1] ?? '?'
      outcomes.set(code, (outcomes.get(code) ?? 0) + 1)
      if (seconds > 60 + windowMs / 1_000 || outcome !== 'rolled-back' || code === 'CHANGE_NOT_CONFIRMED' || await readFile(house.file, 'utf8') !== house.text) wrong.push(`${name}: ${number} ${outcome} after ${seconds.toFixed(1)} s: ${note}`)
    }
  }))
  console.log(`${tried} bad configurations`, Object.fromEntries(outcomes))
  expect(wrong).toEqual([])
  expect(tried).toBeGreaterThanOrEqual(50)
  for (const house of all) expect(house.city.verifier.report()).toMatchObject({ holes: [], chainBreaks: [], invalid: 0 })
})

/** Which of the two is in force, as file, book and process tell it: they must agree. */
async function inForce(house: ChangingHouse): Promise<string> {
  const text = await readFile(house.file, 'utf8')
  const view = await house.control.changes()
  const entry = view.configurations.find(({ number }) => number === view.inForce)!
  expect(entry.hash).toBe(hashOf(text))
  expect(view.edited).toBe(false)
  const [device] = (await house.control.status()).devices
  expect(text).toContain(`en: ${device!.name.en} }`)
  return device!.name.en
}

it('kill -9 at random moments of apply, confirm and rollback: one of the two is in force, and everybody says the same', { timeout: 1_800_000 }, async () => {
  const random = seededRandom()
  const house = await changingHouse()
  const seen = new Map<string, number>()
  for (let round = 0; round < 4 * scale; round++) {
    const name = `hall-${round}`
    const before = await inForce(house)
    const kill = async (order: Promise<unknown>): Promise<void> => {
      await Promise.race([order.catch(() => {}), new Promise((resolve) => setTimeout(resolve, random() * 20))])
      await new Promise((resolve) => setTimeout(resolve, random() * 250))
      await house.restart()
      const now = await inForce(house)
      expect([before, name]).toContain(now)
      seen.set(now === before ? 'before' : 'after', (seen.get(now === before ? 'before' : 'after') ?? 0) + 1)
    }
    const text = (await readFile(house.file, 'utf8')).replace(/(id: hall-env, name: \{ zh: 大厅, en: )[^ ]+/, `$1${name}`)
    await kill(house.apply(text, { confirm: 'person', windowMs: 60_000 }))
    const { trial } = await house.control.changes()
    if (trial) await kill(house.control.orderChange(random() < 0.5 ? { action: 'confirm', by: 'li', anyway: true } : { action: 'roll-back', by: 'li', reason: '', windowMs: 60_000 }))
    if ((await house.control.changes()).trial) await house.control.orderChange({ action: 'roll-back', by: 'li', reason: '', windowMs: 60_000 })
    await expect.poll(() => house.control.changes().then(({ trial: left }) => left, () => 'turning'), { timeout: 20_000 }).toBe(null)
    await expect.poll(() => house.control.status().then(({ devices }) => devices.length, () => 0), { timeout: 20_000 }).toBe(2)
    await new Promise((resolve) => setTimeout(resolve, 200))
    await expect.poll(() => house.control.status().then(({ devices }) => devices.length, () => 0), { timeout: 20_000 }).toBe(2)
  }
  console.log('in force after a kill', Object.fromEntries(seen))
  expect([...seen.keys()].toSorted()).toEqual(['after', 'before'])
})

it('cannot start, is not confirmed, is confirmed, was edited by hand, is had again: as on site', { timeout: 120_000 }, async () => {
  const house = await changingHouse()
  house.kiosk()
  await house.well()
  const next = `${house.file}.next`
  await writeFile(next, house.text.replace('zh: 大厅, en: hall', 'zh: 前厅, en: foyer').replace('below: -40', 'below: -30'))
  await house.apply(await readFile(next, 'utf8'))
  expect((await house.settled()).configurations[0]).toMatchObject({ number: 2, outcome: 'confirmed' })
  // Neither does one that cannot start at all, nor one that nobody confirms; one that somebody confirms does.
  await house.apply(`${house.text}control: { socket: /proc/linli.sock }\n`)
  expect((await house.settled()).configurations[0]).toMatchObject({ outcome: 'rolled-back', note: expect.stringContaining('CHANGE_START_FAILED') })
  await house.apply(house.text, { confirm: 'person', windowMs: 1_000 })
  expect((await house.settled()).configurations[0]).toMatchObject({ outcome: 'rolled-back', note: expect.stringContaining('CHANGE_NOT_CONFIRMED') })
  await house.apply(house.text, { confirm: 'person', windowMs: 60_000 })
  await house.well()
  expect(await house.apply(house.text).catch((error: { code: string }) => error.code)).toBe('CHANGE_TRIAL_RUNNING')
  await expect.poll(() => linli('confirm', '--site', house.file), { timeout: 15_000 }).toMatchObject({ code: 0, stdout: expect.stringContaining('configuration 5 is in force (confirmed)') })

  // Nobody's edit is written over unseen, and every text can be had again.
  await edit(house.file, `${house.text}# by hand\n`)
  expect(await house.apply(await readFile(next, 'utf8')).catch((error: { code: string }) => error.code)).toBe('CHANGE_FILE_EDITED')
  expect(await linli('apply', house.file, '--site', house.file, '--for', '1s')).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing changes') })
  expect((await linli('rollback', '2', '--site', house.file, '--for', '1s')).code).toBe(0)
  expect((await linli('configurations', 'show', '7', '--site', house.file)).stdout).toBe(await readFile(next, 'utf8'))
  expect((await linli('configurations', 'diff', '1', '2', '--site', house.file)).stdout).toContain('below: -40 → -30')
})

it('goes on, or is taken back, after kill -9: the file is one of the two, and the book says which', { timeout: 60_000 }, async () => {
  const house = await changingHouse()
  house.kiosk()
  await house.well()
  const other = house.text.replace('below: -40', 'below: -30')
  await house.apply(other, { confirm: 'person', windowMs: 60_000 })
  await house.restart()
  expect(await house.control.changes()).toMatchObject({ inForce: 2, trial: { number: 2 }, edited: false })
  // A second gateway on the same site is sent away, and the trial is none of its business.
  expect(await linli('run', house.file)).toMatchObject({ code: 1, stderr: expect.stringContaining('STORE_LOCKED') })
  expect(await house.control.changes()).toMatchObject({ inForce: 2, trial: { number: 2 } })
  await house.restart()
  expect(await readFile(house.file, 'utf8')).toBe(other)
  await house.restart()
  expect(await house.control.changes()).toMatchObject({ inForce: 1, trial: null, edited: false, configurations: [{ number: 2, outcome: 'rolled-back', note: expect.stringContaining('CHANGE_INTERRUPTED') }, { number: 1 }] })
  expect(await readFile(house.file, 'utf8')).toBe(house.text)
  await house.well()
  expect((await house.control.status()).alerts.map(({ key }) => key)).toContain('gateway/configuration/2')
})

it('goes back also where the disk no longer takes that, once, and puts it down when it does', { timeout: 60_000 }, async () => {
  const house = await changingHouse()
  house.kiosk()
  await house.well()
  await house.apply(house.text.replace('unitId: 1,', 'unitId: 9,'), { windowMs: 3_000 })
  const folder = path.join(path.dirname(house.file), 'data/configurations')
  await rename(folder, `${folder}.gone`)
  await expect.poll(() => house.gateway.log.join(''), { timeout: 20_000 }).toContain('the disk does not hold that yet')
  await house.well()
  const { epoch } = await house.control.status()
  await new Promise((resolve) => setTimeout(resolve, 2_500))
  expect((await house.control.status()).epoch).toBe(epoch)
  expect((await house.control.changes()).trial).toMatchObject({ number: 2 })
  await rename(`${folder}.gone`, folder)
  expect(await house.settled()).toMatchObject({ inForce: 1, configurations: [{ number: 2, outcome: 'rolled-back', note: expect.stringContaining('CHANGE_DEVICE_LOST') }, { number: 1 }] })
  expect((await house.control.status()).epoch).toBe(epoch)
})
