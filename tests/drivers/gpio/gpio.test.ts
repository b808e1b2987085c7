import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { chipBase } from '../../../drivers/gpio/lines.ts'
import { gpioDriver } from '../../../drivers/gpio/driver.ts'
import { gpioSchemas, type GpioConfig } from '../../../drivers/gpio/schema.ts'
import { point } from '../../support/points.ts'
import { tempFolder } from '../../support/resources.ts'
import { runSession } from '../../support/sessions.ts'
import { existsSync } from 'node:fs'

const config = (settings: object = {}, lines: readonly object[] = [{ line: 4 }]): GpioConfig => ({
  id: 'pins', driver: 'gpio', settings: gpioSchemas.connection.parse(settings) as GpioConfig['settings'],
  devices: [{ id: 'smoke', name: { zh: '烟感', en: 'smoke' }, connectionId: 'pins', settings: {}, points: lines.map((keys, index) => point({ id: `smoke.p${index}`, type: 'boolean', ...keys, address: gpioSchemas.point.parse(Object.fromEntries(Object.entries(keys).filter(([key]) => !['type', 'writable'].includes(key)))) }) as GpioConfig['devices'][number]['points'][number]) }],
})

describe('the GPIO driver', () => {
  it.skipIf(existsSync('/sys/class/gpio'))('on a machine without GPIO names connection, points and what to do', async () => {
    await expect(runSession(gpioDriver, config())).rejects.toMatchObject({ code: 'GPIO_UNAVAILABLE', message: expect.stringMatching(/pins \(smoke\.p0\).*no GPIO.*Modbus input module/) })
  })
  it('finds a chip by its label, because the base moved with kernel 6.6', async () => {
    const root = await tempFolder()
    await mkdir(path.join(root, 'gpiochip512'))
    await writeFile(path.join(root, 'gpiochip512/label'), 'pinctrl-bcm2711\n')
    await writeFile(path.join(root, 'gpiochip512/base'), '512\n')
    expect(await chipBase(config({ chip: 'pinctrl-bcm2711' }), root)).toBe(512)
    expect(await chipBase(config(), root)).toBe(0)
    await expect(chipBase(config({ chip: 'other' }), root)).rejects.toMatchObject({ code: 'GPIO_UNAVAILABLE', message: expect.stringContaining('"pinctrl-bcm2711"') })
  })
  it('refuses a line used twice, a number, and writing an input', () => {
    const found = gpioSchemas.review!(config({}, [{ line: 1 }, { line: 1 }, { line: 2, type: 'number' }, { line: 3, writable: true }]))
    expect(found.map(({ path: where }) => where.join('.'))).toEqual(['points.p1.line', 'points.p2.type', 'points.p3.writable'])
  })
})
