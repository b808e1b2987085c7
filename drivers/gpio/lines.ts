import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, DriverError } from '../../gateway/kit/index.ts'
import { whoOf } from './points.ts'
import type { GpioConfig } from './settings.ts'

export const sysfs = '/sys/class/gpio'

/**
 * The number that sysfs wants for line 0 of the chip. From Raspberry Pi kernels 6.6 on it is no longer 0, so the label decides, not the
 * number printed on the board. Throws DriverError GPIO_UNAVAILABLE.
 */
export async function chipBase(config: GpioConfig, root = sysfs): Promise<number> {
  const { settings } = config
  const unavailable = (why: string, cause?: unknown): DriverError => new DriverError('GPIO_UNAVAILABLE', `${whoOf(config)}: ${why}`, { cause, retriable: true })
  let names: string[]
  try {
    names = await readdir(root)
  } catch (cause) {
    throw unavailable(`this machine has no GPIO under ${root} (${describe(cause)}); move these points to a box with GPIO, or to a Modbus input module`, cause)
  }
  if (settings.chip === undefined) return 0
  const labels: string[] = []
  for (const name of names.filter((file) => file.startsWith('gpiochip'))) {
    const label = (await readFile(path.join(root, name, 'label'), 'utf8').catch(() => '')).trim()
    if (label === settings.chip) return Number((await readFile(path.join(root, name, 'base'), 'utf8')).trim())
    labels.push(label)
  }
  throw unavailable(`no GPIO chip is called "${settings.chip}"; this machine has ${labels.length > 0 ? labels.map((label) => `"${label}"`).join(', ') : 'none'}`)
}
