import { mkdtemp, readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { controlClient } from '../../../gateway/control/client.ts'
import { linli } from '../../support/command-line.ts'
import { runGateway, siteFile } from '../../support/gateways.ts'
import { chip } from './contract.ts'

const soon = { timeout: 20_000, interval: 100 }

describe('linli replace of a contact', () => {
  it('moves it to another line of a running gateway: same point, same history; a line that is not there is taken back', async () => {
    await using sim = await chip()
    const folder = await mkdtemp('/run/linli-replace-')
    const file = await siteFile(folder, ['connections: [{ id: pins, driver: gpio, chip: hall-io }]', 'devices:', '  - { id: door, name: { zh: 门, en: door }, connection: pins, points: { open: { name: { zh: 开, en: open }, type: boolean, line: 2 } } } # the front door'])
    const before = await readFile(file, 'utf8')
    // An emulated processor takes its time to load it.
    await runGateway(file, process.cwd(), 60_000)
    const control = controlClient(path.join(folder, 'data/linli.sock'))
    const open = () => control.readings().then((all) => all.find(({ pointId }) => pointId === 'door.open')?.value ?? null, () => null)
    await expect.poll(open, soon).toBe(false)
    await sim.pull(2, true)
    await expect.poll(open, soon).toBe(true)

    const done = await linli('replace', 'door', file, '--line', '4', '--serial', 'B-2', '--for', '2s', '--yes')
    expect(done, done.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/line: 2 → 4[\s\S]*in force[\s\S]*door is replaced.*same points, same history[\s\S]*door\.open {2}false/) })
    const after = before.replace('line: 2', 'line: 4')
    expect(await readFile(file, 'utf8')).toBe(after)
    await sim.pull(4, true)
    await expect.poll(open, soon).toBe(true)
    await sim.pull(2, false)
    const said: unknown[] = []
    for await (const input of control.replay(0, Date.now() + 60_000, AbortSignal.timeout(20_000))) if ('reading' in input && input.reading.pointId === 'door.open' && input.reading.value !== null) said.push(input.reading.value)
    expect(said.filter((value, index) => value !== said[index - 1])).toEqual([false, true, false, true])
    expect(await open()).toBe(true)

    const back = await linli('replace', 'door', file, '--line', '99', '--for', '3s', '--yes')
    expect(back.code).toBe(1)
    await expect.poll(open, soon).toBe(true)
    expect(await readFile(file, 'utf8')).toBe(after)
    expect((await control.changes()).configurations.map(({ outcome }) => outcome)).toContain('rolled-back')
  }, 180_000)
})
