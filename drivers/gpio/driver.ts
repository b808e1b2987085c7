import { readdir } from 'node:fs/promises'
import type { Driver } from '../../gateway/contract/index.ts'
import { DriverError } from '../../gateway/kit/index.ts'
import { openChardev } from './chardev.ts'
import { sysfs } from './lines.ts'
import type { OpenParts, Pins } from './pins.ts'
import { GpioSession } from './session.ts'
import { whoOf } from './points.ts'
import type { GpioAddress, GpioConfig, GpioConnection } from './settings.ts'
import { openSysfs } from './sysfs.ts'
import { findTools, type Tools } from './tools.ts'

/** Contacts, meters and relays on the box's own pins. Without GPIO it says so and the rest of the site runs on. */
export const gpioDriver: Driver<GpioConnection, object, GpioAddress> = {
  name: 'gpio',
  async connect(config, kit, signal) {
    const chosen = choose(config, await offered(config))
    kit.log.info({ backend: chosen.backend, tools: chosen.backend === 'chardev' ? chosen.tools.version : undefined }, 'gpio back end')
    const openPins = (parts: OpenParts): Promise<Pins> => (chosen.backend === 'chardev' ? openChardev(parts, chosen.tools) : openSysfs(parts))
    const session = new GpioSession(config, kit)
    try { await session.open(openPins, signal) } catch (error) { await session[Symbol.asyncDispose](); throw error }
    return session
  },
}

export interface Offer { readonly chips: readonly string[]; readonly tools: Tools | undefined; readonly sysfs: boolean }
export type Choice = { readonly backend: 'chardev'; readonly tools: Tools } | { readonly backend: 'sysfs' }

/** What kernel and system have. */
async function offered({ settings }: GpioConfig): Promise<Offer> {
  const [devices, files, tools] = await Promise.all([readdir('/dev').catch(() => []), readdir(sysfs).catch(() => []), findTools(settings.tools)])
  return { chips: devices.filter((name) => /^gpiochip\d+$/.test(name)), tools, sysfs: files.some((name) => name.startsWith('gpiochip')) }
}

/** Pure. Throws DriverError GPIO_UNAVAILABLE, which says what is missing for each back end that would do. */
export function choose(config: GpioConfig, { chips, tools, sysfs: hasSysfs }: Offer): Choice {
  const { backend } = config.settings
  if (backend !== 'sysfs' && chips.length > 0 && tools) return { backend: 'chardev', tools }
  if (backend !== 'chardev' && hasSysfs) return { backend: 'sysfs' }
  const noChip = 'this machine has no GPIO chip (no /dev/gpiochip*); plug it in, or move these points to a box with GPIO or to a Modbus input module'
  const why = backend === 'sysfs' ? `this machine has no GPIO under ${sysfs}; set backend: auto, or move these points to a box with GPIO or to a Modbus input module`
    : chips.length === 0 ? noChip
    : `the command-line tools of libgpiod are not installed${config.settings.tools ? ` in ${config.settings.tools}` : ''}; install the package gpiod`
  throw new DriverError('GPIO_UNAVAILABLE', `${whoOf(config)}: ${why}`, { retriable: true })
}
