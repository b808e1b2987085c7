import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { linli } from '../support/command-line.ts'
import { changingHouse } from '../support/changing-house.ts'

describe('a change of a running site', () => {
  it('turns the gateway around connections that stay: no session ends, no sample is missed, the city is told', { timeout: 60_000 }, async () => {
    const house = await changingHouse()
    const kiosk = house.kiosk()
    await house.well()
    let [n, left, closes] = [0, 0, 0]
    kiosk.on('close', () => { closes++ })
    const publishing = setInterval(() => { const m = ++n; left++; house.bus.set('hall-env.temperature', 200 + m); kiosk.publish('devices/kiosk/session', JSON.stringify({ id: `s${m}`, n: m, item: 'senior-card', result: 'done', at: Date.now() }), { qos: 1 }, () => { left-- }) }, 20)
    const next = path.join(path.dirname(house.file), 'next.yaml')
    await writeFile(next, house.text.replace('zh: 大厅, en: hall', 'zh: 前厅, en: foyer').replace('below: -40', 'below: -30'))
    expect(await linli('plan', next, house.file)).toMatchObject({ code: 2, stdout: expect.stringMatching(/~ rules frost .*\n +below: -40 → -30[^]*keep their sessions line, broker; restart none/) })
    const applied = await linli('apply', next, '--site', house.file, '--for', '1s', '--reason', 'warmer')
    expect(applied).toMatchObject({ code: 0, stdout: expect.stringContaining('in force: configuration 2') })
    clearInterval(publishing)
    await expect.poll(() => left, { timeout: 10_000 }).toBe(0)
    const sent = Array.from({ length: n }, (_, index) => index + 1)
    const received = (): unknown[] => house.records.flatMap(({ type, data }) => (type === 'org.linli.kiosk.v1' ? [data.n] : []))
    await expect.poll(() => received().length, { timeout: 10_000 }).toBeGreaterThanOrEqual(n)
    expect(received()).toEqual(sent)
    expect(closes).toBe(0)
    // The bus gave each of these out once; none is missing at the city, and none came twice.
    const served = house.bus.served('hall-env.temperature').filter((value, index, all) => value !== all[index - 1]).map((raw) => Number(raw) / 10)
    const values = (): unknown[] => house.records.flatMap(({ data }) => ((data.readings ?? []) as { point: string; value: number }[]).flatMap(({ point, value }) => (point === 'hall-env.temperature' ? [value] : [])))
    await expect.poll(values, { timeout: 10_000 }).toEqual(served)
    expect(house.city.verifier.report()).toMatchObject({ holes: [], chainBreaks: [], invalid: 0 })
    const told = house.records.flatMap(({ type, data }) => (type === 'org.linli.gateway.v1' && String(data.action).startsWith('configuration') ? [[data.action, data.number]] : []))
    expect(told).toEqual([['configuration-applied', 2], ['configuration-confirmed', 2]])
    expect(await readFile(house.file, 'utf8')).toContain('# whoever changes this file: the bus is behind the stairs')

    // What cuts the line to the city does not stay.
    expect(await house.apply(house.text.replace(/url: "[^"]*"/, 'url: "mqtt://127.0.0.1:9"'))).toMatchObject({ inForce: 3, trial: { number: 3, previous: 2 } })
    expect(await house.settled()).toMatchObject({ inForce: 2, configurations: [{ number: 3, outcome: 'rolled-back', note: expect.stringContaining('CHANGE_UPLINK_LOST') }, { number: 2 }, { number: 1 }] })
    expect(await readFile(house.file, 'utf8')).toBe(await readFile(next, 'utf8'))
    await house.well()
    await expect.poll(() => house.records.findLast(({ type, data }) => type === 'org.linli.gateway.v1' && data.action === 'configuration-rolled-back')?.data, { timeout: 10_000 }).toMatchObject({ number: 3, previous: 2, reason: 'CHANGE_UPLINK_LOST' })
    expect((await house.control.status()).alerts.map(({ key }) => key)).toContain('gateway/configuration/3')

    // Nobody wishes for configurations here: no key was made for them.
    expect(existsSync(path.join(path.dirname(house.file), 'data/signing.key'))).toBe(true)
    expect(existsSync(path.join(path.dirname(house.file), 'data/sealing.key'))).toBe(false)

    expect(kiosk.connected).toBe(true)
    expect(closes).toBe(0)
  })
})
