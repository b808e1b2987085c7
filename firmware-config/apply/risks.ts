import type { ChangeRisk, Label } from '../../gateway/contract/index.ts'
import { isObject } from '../site/plain.ts'
import type { PlanFacts } from './version.ts'

const risk = (kind: ChangeRisk['kind'], zh: string, en: string): ChangeRisk => ({ kind, text: { zh, en } satisfies Label })

/** What cannot be done while it runs, what no way back brings again, and what to know before. */
export function risksOf({ before: { site: old }, after: { site: now }, lines }: PlanFacts): readonly ChangeRisk[] {
  const risks: ChangeRisk[] = []
  if (old.store.path !== now.store.path) risks.push(risk('refused', `store.path 从 ${old.store.path} 改为 ${now.store.path}：请停止网关，移动该文件夹，再改站点文件`, `store.path moves from ${old.store.path} to ${now.store.path}: stop the gateway, move the folder, change the site file by hand, and start it again`))
  for (const [name, from, to] of bounds(old, now)) if (to < from) risks.push(risk('loss', `${name} 从 ${from} 减小到 ${to}：超出的旧数据会被删除`, `${name} shrinks from ${from} to ${to}: what is older or too much is deleted`))
  for (const { area, id, what } of lines) {
    if (what !== 'removed') continue
    if (area === 'uplinks') risks.push(risk('loss', `上行 ${id} 取消：它尚未送达的记录不再送往那里`, `uplink ${id} goes: what it has not delivered is let go`))
    if (area === 'streams') risks.push(risk('loss', `数据流 ${id} 取消：它的记录会被删除`, `stream ${id} goes: its records are deleted`))
    if (area === 'devices') risks.push(risk('care', `设备 ${id} 取消：它的历史仍在，但不再显示`, `device ${id} goes: its past is kept and no longer shown`))
    if (area === 'rules') risks.push(risk('care', `规则 ${id} 取消：它的告警会被清除`, `rule ${id} goes: its alert is cleared`))
  }
  if (old.site.id !== now.site.id || old.site.region !== now.site.region) risks.push(risk('care', `网关编号或区划改变（${old.site.region}/${old.site.id} → ${now.site.region}/${now.site.id}）：平台会把它看作另一个网关，证书和账号须与之相符`, `id or region changes (${old.site.region}/${old.site.id} → ${now.site.region}/${now.site.id}): to the platform it is another gateway; certificate and account must fit`))
  if (old.control.socket !== now.control.socket) risks.push(risk('care', `控制套接字移到 ${now.control.socket}`, `the control socket moves to ${now.control.socket}: confirm with --socket ${now.control.socket}`))
  risks.push(...consoleRisks(old.console, now.console), ...trustRisks(old, now))
  for (const { area, id, what, fields } of lines) {
    if (area === 'uplinks' && what === 'changed' && fields.some(({ path }) => ['url', 'ca', 'cert', 'key', 'username', 'clientId'].includes(path) || path.startsWith('password'))) risks.push(risk('care', `上行 ${id} 的连接方式改变：连不上就会自动撤回`, `how uplink ${id} connects changes: if it does not connect, the change is taken back by itself`))
    if (area === 'connections' && what === 'changed' && fields.some(({ path }) => path.startsWith('listen'))) risks.push(risk('care', `线路 ${id} 的监听地址改变：设备须能连到新地址`, `connection ${id} listens elsewhere: its devices must find it there`))
  }
  return risks
}

type Site = PlanFacts['before']['site']

/** Whoever may configure may do anything: nobody is added, and no key exchanged, unseen. */
function trustRisks(old: Site, now: Site): readonly ChangeRisk[] {
  const [before, after] = [trusted(old), trusted(now)]
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter((who) => before.get(who) !== after.get(who))
  const whom = (all: ReadonlyMap<string, string>): readonly [zh: string, en: string] => (all.size === 0 ? ['无人', 'nobody'] : [[...all.keys()].join('、'), [...all.keys()].join(', ')])
  if (changed.length === 0) return []
  const [[oldZh, oldEn], [newZh, newEn]] = [whom(before), whom(after)]
  return [risk('care', `谁可以从平台更改本机配置有变化（${oldZh} → ${newZh}）：持有密钥者可更改一切，请核对密钥`, `who may configure this box from the city changes (${oldEn} → ${newEn}): whoever holds such a key decides everything; compare the keys`)]
}

/** `actor (uplink)`, with its key. */
function trusted({ uplinks }: Site): Map<string, string> {
  return new Map(uplinks.flatMap((uplink) => {
    const { id, configuration } = isObject(uplink) ? uplink : {}
    const keys = isObject(configuration) && Array.isArray(configuration.keys) ? configuration.keys.filter(isObject) : []
    return keys.map(({ actor, publicKey }): [string, string] => [`${String(actor)} (${String(id)})`, String(publicKey)])
  }))
}

function* bounds(old: Site, now: Site): Generator<readonly [name: string, from: number, to: number]> {
  const sides = [figures(old), figures(now)] as const
  for (const [name, from] of Object.entries(sides[0])) { const to = sides[1][name]; if (from !== undefined && to !== undefined) yield [name, from, to] }
}

function figures({ journal, history, events, photos, decisions }: Site): Readonly<Record<string, number | undefined>> {
  const access = isObject(decisions) && isObject(decisions.access) ? decisions.access.keepDays : undefined
  const days = history.enabled ? { 'history.rawDays': history.rawDays, 'history.minuteDays': history.minuteDays, 'history.maxBytes': history.maxBytes } : {}
  return {
    'journal.maxBytes': journal.maxBytes, 'journal.alert': journal.alert, 'journal.event': journal.event, 'journal.telemetry': journal.telemetry, ...days,
    'events.keepDays': events.keepDays, 'events.maxBytes': events.maxBytes, 'photos.keepDays': photos.keepDays, 'photos.maxBytes': photos.maxBytes, 'access.keepDays': typeof access === 'number' ? access : undefined,
  }
}

function consoleRisks(old: Site['console'], now: Site['console']): readonly ChangeRisk[] {
  const [from, to] = [`${old.listen.host}:${old.listen.port}`, `${now.listen.host}:${now.listen.port}`]
  if (old.enabled && !now.enabled) return [risk('care', '值守页面关闭：只能用命令行确认', 'the console is switched off: it can be confirmed by linli confirm alone')]
  if (old.enabled && from !== to) return [risk('care', `值守页面移到 ${to}：请在新地址确认`, `the console moves to ${to}: confirm it there`)]
  return []
}
