import { readdir } from 'node:fs/promises'
import { hostname, networkInterfaces } from 'node:os'
import path from 'node:path'
import { findTools } from '../../../drivers/gpio/tools.ts'
import { listChips } from '../../../drivers/gpio/chips.ts'
import { lintProfile, ProfileLibrary, shippedProfiles } from '../../../firmware-config/site/index.ts'
import type { Label } from '../../contract/index.ts'
import { roomSchemas } from '../rooms.ts'

export interface KnownProfile {
  readonly name: string
  readonly label: Label
  readonly driver: string
  /** Names in its topics that a device may have to be told: `{name}`. */
  readonly variables: readonly string[]
  /** Points a sounder may have. */
  readonly switches: readonly { readonly point: string; readonly label: Label }[]
}

/** What can be seen of the box before anybody is asked. */
export interface Box {
  readonly host: string
  /** By names that survive a reboot where there are. */
  readonly serialPorts: readonly string[]
  /** IPv4 addresses beyond loopback. */
  readonly addresses: readonly string[]
  readonly chips: readonly { readonly label: string; readonly lines: number }[]
  /** Only sysfs: no line names, no pull resistors. */
  readonly sysfsOnly: boolean
  readonly profiles: readonly KnownProfile[]
}

/** `folder`: of the site file, which may bring profiles of its own. Never throws for what the box lacks. */
export async function lookAtBox(folder: string): Promise<Box> {
  const [serialPorts, chips, sysfs, profiles] = await Promise.all([findSerialPorts(), findChips(), readdir('/sys/class/gpio').then((names) => names.some((name) => name.startsWith('gpiochip')), () => false), knownProfiles(folder)])
  const addresses = Object.values(networkInterfaces()).flat().flatMap((each) => (each && each.family === 'IPv4' && !each.internal ? [each.address] : []))
  return { host: hostname(), serialPorts, addresses: [...new Set(addresses)], chips, sysfsOnly: chips.length === 0 && sysfs, profiles }
}

async function findSerialPorts(): Promise<readonly string[]> {
  for (const folder of ['/dev/serial/by-id', '/dev/serial/by-path']) {
    const names = await readdir(folder).catch(() => [])
    if (names.length > 0) return names.toSorted().map((name) => path.join(folder, name))
  }
  const names = await readdir('/dev').catch(() => [])
  return names.filter((name) => /^tty(USB|ACM|AMA|SC|mxc|O)\d+$/.test(name)).toSorted().map((name) => `/dev/${name}`)
}

async function findChips(): Promise<Box['chips']> {
  try {
    const tools = await findTools()
    return tools ? await listChips(tools) : []
  } catch { return [] }
}

/** Damaged ones are left out; `linli profiles --lint` tells what is wrong with them. */
export async function knownProfiles(folder: string): Promise<readonly KnownProfile[]> {
  const library = await ProfileLibrary.open([path.join(folder, 'profiles'), shippedProfiles])
  const linted = await Promise.all(library.names().toSorted().map((name) => lintProfile(library.file(name)!, roomSchemas.drivers)))
  return linted.flatMap(({ profile, points }) => (profile ? [{
    name: profile.profile, label: profile.name, driver: profile.driver, variables: variablesOf(profile),
    switches: points.filter(({ type, writable }) => type === 'boolean' && writable).map(({ id, deviceId, name }) => ({ point: id.slice(deviceId.length + 1), label: name })),
  }] : []))
}

function variablesOf(profile: { readonly device: object; readonly points: object }): readonly string[] {
  const names = [...JSON.stringify([profile.device, profile.points]).matchAll(/\{([a-z][a-zA-Z0-9]*)\}/g)].map(([, name]) => name!)
  return [...new Set(names)].filter((name) => !['device', 'value', 'json'].includes(name))
}
