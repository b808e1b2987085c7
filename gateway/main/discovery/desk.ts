import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { ScanProfile } from '../../../drivers/modbus/scan/fingerprint.ts'
import type { ChangePort, Clock } from '../../contract/index.ts'
import type { DiscoveryPort, DiscoveryView } from '../../console/discovery.ts'
import type { Site } from '../../cli/rooms.ts'
import { codeOf, ConfigError, describe, systemClock } from '../../kit/index.ts'
import { portsWithUsers, serialPorts } from './ports.ts'
import type { Proposal } from './draft.ts'
import type { Lines } from './mqtt-bus.ts'
import type { Search, Thing } from './thing.ts'

interface Running extends Search { state: DiscoveryView['state']; readonly things: Map<string, { readonly id: string; thing: Thing }>; failure: { readonly code: string; readonly detail: string } | null; readonly stop: AbortController }

const mostThings = 500
const watchMs = 60_000
const mostReason = 200

export interface DeskParts {
  readonly site: Pick<Site, 'file' | 'connections'>
  /** The connections of the running gateway, to listen on. */
  readonly lines?: Lines
  /** Absent where nobody could put another gateway in its place: then nothing is saved. */
  readonly changes?: ChangePort | undefined
  readonly clock?: Clock
  /** The box's serial ports. */
  ports?(): Promise<readonly string[]>
}

/** What finds devices is loaded at the first search. */
export function discoveryDesk({ site, lines = new Map(), changes, clock = systemClock, ports = serialPorts }: DeskParts): DiscoveryPort & { close(): void } {
  let search: Running | null = null
  let library: Promise<readonly ScanProfile[]> | null = null
  let busy = false
  const folders = [path.join(path.dirname(path.resolve(site.file)), 'profiles')]
  const profiles = async (): Promise<readonly ScanProfile[]> => library ??= (await import('./library.ts')).scanLibrary(folders)
  const seen = () => [...search?.things.values() ?? []]
  const find = (id: string): Thing => {
    const found = seen().find((each) => each.id === id)
    if (!found) throw new ConfigError('SCAN_TARGET', 'this device is of an earlier search; search again')
    return found.thing
  }
  const isTaken = (): boolean => busy || search?.state === 'running'
  /** One at a time on the line. */
  const alone = async <T>(work: () => Promise<T>): Promise<T> => {
    if (isTaken()) throw running()
    busy = true
    try { return await work() } finally { busy = false }
  }
  const proposal = async (ids: readonly string[], nodes: Readonly<Record<string, readonly string[]>>): Promise<Proposal> => {
    const chosen = ids.map((id) => ({ id, thing: find(id) }))
    for (const { thing } of chosen) { const why = thing.unread(); if (why !== null) throw new ConfigError('SCAN_NOT_READ', why) }
    const { Draft } = await import('./draft.ts')
    const draft = await Draft.open(site.file, await readFile(site.file, 'utf8'))
    for (const { id, thing } of chosen) thing.add(draft, id, nodes[id] ?? [])
    return draft.proposal()
  }
  const buses = site.connections.filter(({ driver }) => driver === 'mqtt').map(({ id }) => id)
  return {
    async view() {
      const base = { ports: await portsWithUsers(site, await ports()), buses, trial: changes?.view().trial?.number ?? null }
      if (!search) return { ...base, state: 'idle', target: null, share: 0, leftMs: 0, at: null, devices: [], warnings: [], code: null, detail: null }
      if (search.state === 'running') search.refresh()
      const { state, target, share, leftMs, at, warnings, failure } = search
      return { ...base, state, target, share, leftMs: Math.round(leftMs), at, devices: seen().map(({ id, thing }) => ({ id, ...thing.view() })), warnings, code: failure?.code ?? null, detail: failure?.detail ?? null }
    },
    async start({ kind, target, first, last, seconds }) {
      if (isTaken()) throw running()
      if (kind === 'rtu' && target.startsWith('/')) {
        const port = (await portsWithUsers(site, await ports())).find((each) => each.path === target)
        if (!port) throw new ConfigError('SCAN_TARGET', `${target} is no serial port that this box has`)
        if (port.usedBy !== null) throw inUse(target, port.usedBy)
      }
      const bus = kind === 'mqtt' ? (await import('./mqtt-bus.ts')).busOf(target, site, lines) : null
      // Somebody else may have begun meanwhile.
      if (isTaken()) throw running()
      const current = search = begun(target)
      const work = async (): Promise<void> => {
        if (kind === 'opcua') return (await import('./opcua-things.ts')).askServer(current, site)
        if (bus) return (await import('./mqtt-things.ts')).listenFor(current, { bus, profiles: await (await import('./mqtt-library.ts')).mqttLibrary(folders), forMs: seconds * 1_000, clock })
        if (kind !== 'mqtt') await (await import('./modbus-things.ts')).sweep(current, { kind, target, units: { first, last } }, await profiles(), site)
      }
      void work().then(
        () => { Object.assign(current, { state: current.signal.aborted ? 'stopped' : 'done', share: 1, leftMs: 0 }) },
        (error: unknown) => { Object.assign(current, { failure: { code: codeOf(error), detail: describe(error) }, state: 'failed' }) },
      )
    },
    stop() { search?.stop.abort() },
    read: ({ id, ...order }) => alone(async () => {
      const thing = find(id)
      await thing.read(order)
      return { id, ...thing.view() }
    }),
    async propose({ ids, nodes }) {
      const [made, { addedLines }, { isWritable }] = [await proposal(ids, nodes), await import('./draft.ts'), await import('./save.ts')]
      const { file, text, left, devices } = made
      return { file, text, lines: addedLines(made), left: left.map(({ key, why }) => ({ id: key, why })), writable: changes !== undefined && await isWritable(file), devices: devices.length, plan: changes && devices.length > 0 ? await changes.plan(text) : null }
    },
    async save({ ids, nodes, by }) {
      if (!changes) throw new ConfigError('CHANGE_UNAVAILABLE', 'this gateway was not started by linli run, and nobody could put another in its place')
      const { devices, text } = await proposal(ids, nodes)
      if (devices.length === 0) throw new ConfigError('SCAN_SAVE', 'nothing of this can be added: the devices are in the site file already, or are not identified')
      const added = devices.map(({ id }) => String(id))
      const { inForce } = await changes.apply({ text, reason: `added ${added.join(', ')} by discovery`.slice(0, mostReason), confirm: 'health', windowMs: watchMs, by, origin: 'console' })
      return { configuration: inForce, devices: added }
    },
    close() { search?.stop.abort() },
  }
}

function begun(target: string): Running {
  const [stop, things] = [new AbortController(), new Map<string, { readonly id: string; thing: Thing }>()]
  return {
    state: 'running', target, signal: stop.signal, stop, things, share: 0, leftMs: 0, at: null, warnings: [], failure: null, refresh: () => {},
    add(key, thing) {
      const known = things.get(key)
      if (known) known.thing = thing
      else if (things.size < mostThings) things.set(key, { id: String(things.size + 1), thing })
    },
  }
}

const running = (): ConfigError => new ConfigError('SCAN_RUNNING', 'a search is under way; wait for its end, or stop it')
const inUse = (target: string, id: string): ConfigError => new ConfigError('SCAN_LINE_IN_USE', `${target} belongs to connection ${id} of the running gateway, which polls it; a search would disturb it: choose a free line, or stop the gateway and use linli scan`)
