import type { ChangeFinding } from '../../gateway/contract/index.ts'

/** What is looked at, as `linli status` tells it. */
export interface HouseStatus {
  readonly connections: readonly { readonly id: string; readonly state: string }[]
  readonly devices: readonly { readonly id: string; readonly state: string }[]
  readonly uplinks: readonly { readonly id: string; readonly state: string; readonly lastErrorDetail?: string | undefined }[]
  readonly rules: { readonly quarantined: readonly { readonly id: string; readonly detail: string }[] }
  /** The page for staff is open. */
  readonly console: boolean
}

/** What worked before a change. A type, so that it is JSON. */
export type Baseline = {
  readonly connections: readonly string[]
  readonly devices: readonly string[]
  readonly uplinks: readonly string[]
  /** Rules that had failed already. */
  readonly failed: readonly string[]
  readonly console: boolean
}

/** Ids that the new site file still has. */
export interface StillThere { readonly connections: readonly string[]; readonly devices: readonly string[]; readonly uplinks: readonly string[]; readonly console: boolean }

const isUp = ({ state }: { readonly state: string }): boolean => state === 'online' || state === 'degraded'

/** Of what is to be there afterwards, all that works now. */
export function baselineOf(status: HouseStatus, still: StillThere): Baseline {
  const up = (entries: readonly { readonly id: string; readonly state: string }[], kept: readonly string[]): string[] => entries.filter((entry) => isUp(entry) && kept.includes(entry.id)).map(({ id }) => id)
  return {
    connections: up(status.connections, still.connections), devices: up(status.devices, still.devices), uplinks: up(status.uplinks, still.uplinks),
    failed: status.rules.quarantined.map(({ id }) => id), console: status.console && still.console,
  }
}

/** What worked before and does not now; empty when all is well. */
export function healthOf(status: HouseStatus, before: Baseline): readonly ChangeFinding[] {
  const lost = <T extends { readonly id: string; readonly state: string }>(entries: readonly T[], wanted: readonly string[]): T[] => entries.filter((entry) => wanted.includes(entry.id) && !isUp(entry))
  const dead = lost(status.connections, before.connections)
  return [
    ...dead.map(({ id }): ChangeFinding => ({ code: 'CHANGE_CONNECTION_LOST', text: { zh: `线路 ${id} 之前正常，现在没有连上`, en: `connection ${id} was up before and is not now` } })),
    ...lost(status.devices, before.devices).map(({ id }): ChangeFinding => ({ code: 'CHANGE_DEVICE_LOST', text: { zh: `设备 ${id} 之前在线，现在不在线`, en: `device ${id} was online before and is not now` } })),
    ...lost(status.uplinks, before.uplinks).map(({ id, lastErrorDetail }): ChangeFinding => ({ code: 'CHANGE_UPLINK_LOST', text: { zh: `上行 ${id} 之前已连接，现在没有连上`, en: `uplink ${id} was connected before and is not now${lastErrorDetail ? ` (${lastErrorDetail})` : ''}` } })),
    ...status.rules.quarantined.filter(({ id }) => !before.failed.includes(id)).map(({ id, detail }): ChangeFinding => ({ code: 'CHANGE_RULE_FAILED', text: { zh: `规则 ${id} 出错，已停用`, en: `rule ${id} failed and is set aside: ${detail}` } })),
    ...(before.console && !status.console ? [{ code: 'CHANGE_CONSOLE_LOST', text: { zh: '值守页面打不开了', en: 'the console could be opened before and cannot now' } }] : []),
  ]
}
