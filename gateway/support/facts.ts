import { readdir, readFile, stat, statfs } from 'node:fs/promises'
import { availableParallelism, cpus, machine, networkInterfaces, release, type, uptime, version as kernelVersion } from 'node:os'
import path from 'node:path'
import { readEnds } from '../store/epoch.ts'
import type { GatewayStatus } from '../status.ts'
import { machineFacts } from './check-host.ts'

/** What a support engineer asks of the box first. No names of users or hosts. */
export async function hostFacts(store: string): Promise<object> {
  const disk = await statfs(store).catch(() => null)
  const mounts = (await readFile('/proc/mounts', 'utf8').catch(() => '')).split('\n').map((line) => line.split(' ')).filter(([, at]) => at !== undefined && path.resolve(store).startsWith(at))
  const mount = mounts.toSorted((a, b) => a[1]!.length - b[1]!.length).at(-1)
  return {
    kernel: `${type()} ${release()} ${machine()}`, kernelVersion: kernelVersion(), upSeconds: Math.round(uptime()), processor: cpus()[0]?.model ?? null, cores: availableParallelism(),
    ...await machineFacts(),
    disk: disk && { bytes: disk.blocks * disk.bsize, available: disk.bavail * disk.bsize, files: disk.files, filesFree: disk.ffree, type: mount?.[2] ?? null, options: mount?.[3] ?? null },
    interfaces: Object.entries(networkInterfaces()).map(([name, addresses]) => ({ name, addresses: (addresses ?? []).map(({ family, address, internal }) => ({ family, address, internal })) })),
  }
}

const shortHash = (hash: string): string => hash.slice(0, 16)
const maxEntries = 20_000

/** Streams, bytes and what was set aside; of a gateway that does not run, what its files say without opening the database. */
export async function storeFacts(store: string, status: GatewayStatus | null): Promise<object> {
  const folders = Object.fromEntries(await Promise.all((await readdir(store, { withFileTypes: true }).catch(() => [])).filter((each) => each.isDirectory()).map(async ({ name }) => [name, await sizeOf(path.join(store, name))] as const)))
  if (status) {
    const { heads, ...journal } = status.journal
    return { epoch: status.epoch, ...journal, heads: Object.fromEntries(Object.entries(heads).map(([stream, head]) => [stream, { ...head, hash: shortHash(head.hash) }])), folders }
  }
  const journal = path.join(store, 'journal')
  const epoch = (await readFile(path.join(journal, 'epoch'), 'utf8').catch(() => '')).split('\n')[0]
  return { epoch: epoch === '' ? null : epoch, ends: await readEnds(journal), folders, note: 'records, bytes and quarantine of each stream are known only while the gateway runs' }
}

async function sizeOf(folder: string): Promise<{ readonly files: number; readonly bytes: number }> {
  const names = (await readdir(folder, { recursive: true }).catch((): string[] => [])).slice(0, maxEntries)
  const sizes = await Promise.all(names.map((name) => stat(path.join(folder, name)).then((each) => (each.isFile() ? each.size : -1), () => -1)))
  const files = sizes.filter((size) => size >= 0)
  return { files: files.length, bytes: files.reduce((sum, size) => sum + size, 0) }
}
