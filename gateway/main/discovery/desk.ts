import { readdir, readFile, realpath } from 'node:fs/promises'
import path from 'node:path'
import type { FoundDevice } from '../../../drivers/modbus/scan/events.ts'
import type { ScanProfile } from '../../../drivers/modbus/scan/fingerprint.ts'
import type { ReadTest } from '../../../drivers/modbus/scan/read-test.ts'
import type { ModbusConnection } from '../../../drivers/modbus/settings.ts'
import type { DiscoveredDevice, DiscoveryPort, DiscoveryView, ScanPort } from '../../console/discovery.ts'
import type { Site } from '../../cli/rooms.ts'
import { codeOf, ConfigError, describe } from '../../kit/index.ts'

interface Seen { readonly id: string; readonly device: FoundDevice; test: ReadTest | null }
interface Search {
  state: DiscoveryView['state']; readonly target: string; share: number; leftMs: number; at: string | null; readonly seen: Seen[]; readonly servers: DiscoveryView['servers'][number][]
  readonly warnings: { readonly code: string; readonly text: string }[]; failure: { readonly code: string; readonly detail: string } | null; readonly stop: AbortController
}

const mostDevices = 500
const mostPorts = 32

/** What finds devices is loaded at the first search. `ports`: the box's serial ports. */
export function discoveryDesk(site: Pick<Site, 'file' | 'connections'>, ports: () => Promise<readonly string[]> = serialPorts): DiscoveryPort & { close(): void } {
  let search: Search | null = null
  let library: Promise<readonly ScanProfile[]> | null = null
  let busy = false
  const modules = () => Promise.all([import('./lines.ts'), import('./propose.ts'), import('./save.ts'), import('./library.ts'), import('../../../drivers/modbus/scan/read-test.ts')])
  const profiles = async (): Promise<readonly ScanProfile[]> => library ??= (await import('./library.ts')).scanLibrary([path.join(path.dirname(path.resolve(site.file)), 'profiles')])
  const find = (id: string): Seen => {
    const seen = search?.seen.find((each) => each.id === id)
    if (!seen) throw new ConfigError('SCAN_TARGET', 'this device is of an earlier search; search again')
    return seen
  }
  const isTaken = (): boolean => busy || search?.state === 'running'
  /** One at a time on the line. */
  const alone = async <T>(work: () => Promise<T>): Promise<T> => {
    if (isTaken()) throw running()
    busy = true
    try { return await work() } finally { busy = false }
  }
  const proposal = async (ids: readonly string[]) => {
    const chosen = ids.map(find)
    const unread = chosen.find(({ device, test }) => device.identified && !test?.points.some(({ value }) => value !== null))
    if (unread) throw new ConfigError('SCAN_NOT_READ', `unit ${unread.device.unitId} was not read yet; read it and compare with its display before it is saved`)
    const [, { propose }] = await modules()
    const made = await propose(site.file, await readFile(site.file, 'utf8'), chosen.map(({ device }) => device))
    return { made, left: made.left.map(({ unitId, where, why }) => ({ id: chosen.find(({ device }) => device.unitId === unitId && where === whereOf(device))?.id ?? '', why })) }
  }
  return {
    async view() {
      const known = await portsWithUsers(site, await ports())
      if (!search) return { state: 'idle', target: null, share: 0, leftMs: 0, at: null, devices: [], servers: [], warnings: [], code: null, detail: null, ports: known }
      const { state, target, share, leftMs, at, seen, servers, warnings, failure } = search
      return { state, target, share, leftMs: Math.round(leftMs), at, devices: seen.map(shown), servers, warnings, code: failure?.code ?? null, detail: failure?.detail ?? null, ports: known }
    },
    async start({ kind, target, first, last }) {
      if (isTaken()) throw running()
      if (kind === 'rtu' && target.startsWith('/')) {
        const port = (await portsWithUsers(site, await ports())).find((each) => each.path === target)
        if (!port) throw new ConfigError('SCAN_TARGET', `${target} is no serial port that this box has`)
        if (port.usedBy !== null) throw inUse(target, port.usedBy)
      }
      // Somebody else may have begun meanwhile.
      if (isTaken()) throw running()
      const current: Search = { state: 'running', target, share: 0, leftMs: 0, at: null, seen: [], servers: [], warnings: [], failure: null, stop: new AbortController() }
      search = current
      const work = kind === 'opcua' ? askServer(current, site) : profiles().then((models) => sweep(current, { kind, target, units: { first, last } }, models, site))
      void work.catch((error: unknown) => { current.failure = { code: codeOf(error), detail: describe(error) }; current.state = 'failed' })
    },
    stop() { search?.stop.abort() },
    read: (id) => alone(async () => {
      const seen = find(id)
      const profile = (await profiles()).find(({ name }) => name === seen.device.identified?.profile)
      if (!profile) throw new ConfigError('SCAN_TARGET', 'only a device that was identified can be read by its points')
      const [{ openPlace, patientMs }, , , , { readTest }] = await modules()
      await using line = await openPlace(seen.device.place)
      seen.test = await readTest(line, seen.device.unitId, profile, patientMs)
      return shown(seen)
    }),
    async propose(ids) {
      const { made, left } = await proposal(ids)
      const [, { addedLines }, { isWritable }] = await modules()
      return { file: made.file, lines: addedLines(made), text: made.text, left, writable: await isWritable(made.file), devices: made.devices.length }
    },
    async save(ids) {
      const { made } = await proposal(ids)
      if (made.devices.length === 0) throw new ConfigError('SCAN_SAVE', 'nothing of this can be added: the devices are in the site file already, or are not identified')
      const [, , { saveProposal }] = await modules()
      return { ...await saveProposal(made), devices: made.devices.length }
    },
    close() { search?.stop.abort() },
  }
}

const running = (): ConfigError => new ConfigError('SCAN_RUNNING', 'a search is under way; wait for its end, or stop it')
const inUse = (target: string, id: string): ConfigError => new ConfigError('SCAN_LINE_IN_USE', `${target} belongs to connection ${id} of the running gateway, which polls it; a search would disturb it: choose a free line, or stop the gateway and use linli scan`)

async function sweep(current: Search, request: { readonly kind: 'rtu' | 'tcp'; readonly target: string; readonly units: { readonly first: number; readonly last: number } }, library: readonly ScanProfile[], site: Pick<Site, 'connections'>): Promise<void> {
  const { scanModbus } = await import('./lines.ts')
  // Whoever the gateway polls already is left alone: many devices take one connection only.
  const users = site.connections.flatMap(({ id, driver, settings }) => { const { host } = settings as Partial<ModbusConnection>; return driver === 'modbus' && host ? [{ id, host, port: (settings as ModbusConnection).port }] : [] })
  for await (const event of scanModbus({ ...request, users }, library, current.stop.signal)) {
    if (event.kind === 'progress') Object.assign(current, { share: event.share, leftMs: event.leftMs, at: event.text })
    else if (event.kind === 'found') { if (current.seen.length < mostDevices) current.seen.push({ id: String(current.seen.length + 1), device: event.device, test: null }) } else if (event.kind === 'warning') current.warnings.push({ code: event.code, text: event.text })
  }
  Object.assign(current, { state: current.stop.signal.aborted ? 'stopped' : 'done', share: 1, leftMs: 0 })
}

async function askServer(current: Search, site: Pick<Site, 'file'>): Promise<void> {
  const { serversAt } = await import('./opcua.ts')
  const found = await serversAt(current.target, { timeout: 5_000, anyNetwork: false, pki: path.join(path.dirname(path.resolve(site.file)), 'data/opcua') }, current.stop.signal)
  for (const { url, name, endpoints } of found) current.servers.push({ url, name, endpoints: endpoints.map(({ security, mode, logins }) => `${security} ${mode} (${logins.join(', ')})`) })
  Object.assign(current, { state: 'done', share: 1 })
}

const whereOf = ({ place }: FoundDevice): string => (place.transport === 'rtu' ? place.path : `${place.host}:${place.port}`)

function shown({ id, device, test }: Seen): DiscoveredDevice {
  const { identified, candidates: [best], place, unitId, duplicate, answers, says } = device
  return {
    id, where: whereOf(device), setting: place.transport === 'rtu' ? `${place.setting.baudRate} 8${place.setting.parity[0]!.toUpperCase()}${place.setting.stopBits}` : null, unitId, duplicate, answers, says,
    model: identified ? { profile: identified.profile, name: identified.label, score: identified.score, why: identified.why } : null,
    like: !identified && best ? { profile: best.profile, name: best.label, score: best.score, against: best.against } : null,
    values: test?.points ?? null, finding: test?.finding?.text ?? null,
  }
}

/** The box's ports and those the site file names, with the connection that has each. */
async function portsWithUsers({ connections }: Pick<Site, 'connections'>, found: readonly string[]): Promise<readonly ScanPort[]> {
  const own = connections.flatMap(({ id, driver, settings }) => { const { transport, path: port } = settings as Partial<ModbusConnection>; return driver === 'modbus' && transport === 'rtu' && port ? [{ id, port }] : [] })
  const real = (port: string): Promise<string> => realpath(port).catch(() => port)
  const users = new Map(await Promise.all(own.map(async ({ id, port }) => [await real(port), id] as const)))
  const all = [...new Set([...own.map(({ port }) => port), ...found])].slice(0, mostPorts)
  return Promise.all(all.map(async (port) => ({ path: port, usedBy: users.get(await real(port)) ?? null })))
}

/** Names that survive renumbering first; a port that has one is not told twice. */
async function serialPorts(): Promise<readonly string[]> {
  const list = async (folder: string, wanted: RegExp): Promise<readonly string[]> => (await readdir(folder).catch(() => [])).filter((name) => wanted.test(name)).toSorted().map((name) => path.join(folder, name))
  const named = await list('/dev/serial/by-id', /./)
  const covered = new Set(await Promise.all(named.map((port) => realpath(port).catch(() => port))))
  return [...named, ...(await list('/dev', /^tty(USB|ACM|AMA|RS485|XRUSB)/)).filter((port) => !covered.has(port))]
}
