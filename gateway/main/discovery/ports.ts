import { readdir, realpath } from 'node:fs/promises'
import path from 'node:path'
import type { ModbusConnection } from '../../../drivers/modbus/settings.ts'
import type { ScanPort } from '../../console/discovery.ts'
import type { Site } from '../../cli/rooms.ts'

const mostPorts = 32

/** The box's ports and those the site file names, with the connection that has each. */
export async function portsWithUsers({ connections }: Pick<Site, 'connections'>, found: readonly string[]): Promise<readonly ScanPort[]> {
  const own = connections.flatMap(({ id, driver, settings }) => { const { transport, path: port } = settings as Partial<ModbusConnection>; return driver === 'modbus' && transport === 'rtu' && port ? [{ id, port }] : [] })
  const real = (port: string): Promise<string> => realpath(port).catch(() => port)
  const users = new Map(await Promise.all(own.map(async ({ id, port }) => [await real(port), id] as const)))
  const all = [...new Set([...own.map(({ port }) => port), ...found])].slice(0, mostPorts)
  return Promise.all(all.map(async (port) => ({ path: port, usedBy: users.get(await real(port)) ?? null })))
}

/** Names that survive renumbering first; a port that has one is not told twice. */
export async function serialPorts(): Promise<readonly string[]> {
  const list = async (folder: string, wanted: RegExp): Promise<readonly string[]> => (await readdir(folder).catch(() => [])).filter((name) => wanted.test(name)).toSorted().map((name) => path.join(folder, name))
  const named = await list('/dev/serial/by-id', /./)
  const covered = new Set(await Promise.all(named.map((port) => realpath(port).catch(() => port))))
  return [...named, ...(await list('/dev', /^tty(USB|ACM|AMA|RS485|XRUSB)/)).filter((port) => !covered.has(port))]
}
