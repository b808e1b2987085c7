import type { ChangeLine, Label } from '../../gateway/contract/index.ts'
import { isObject } from '../site/plain.ts'
import type { PlanFacts, SiteVersion } from './version.ts'

const say = (zh: string, en: string): Label => ({ zh, en })
const list = (ids: readonly string[]): string => (ids.length <= 6 ? ids.join(', ') : `${ids.slice(0, 6).join(', ')} … (${ids.length})`)
const ofArea = (lines: readonly ChangeLine[], area: string): readonly ChangeLine[] => lines.filter((line) => line.area === area)
const touches = (line: ChangeLine, ...keys: readonly string[]): boolean => line.fields.some(({ path }) => keys.some((key) => path === key || path.startsWith(`${key}.`)))

/** What the platform will see of a change: topics, model, streams, what it may write. */
export function cityWords({ before, after, lines }: PlanFacts): readonly Label[] {
  const words: Label[] = [...topicWords(before, after), ...modelWords(lines), ...streamWords(lines)]
  const [devices, points] = [ofArea(lines, 'devices'), ofArea(lines, 'points')]
  const writes = points.filter((line) => touches(line, 'cityWrite')).map(({ id }) => id)
  if (writes.length > 0) words.push(say(`平台可写的点位有变化：${list(writes)}`, `which points the platform may write changes: ${list(writes)}`))
  const paced = [...points, ...devices].filter((line) => touches(line, 'deadband', 'heartbeat', 'poll')).map(({ id }) => id)
  if (paced.length > 0) words.push(say(`遥测的疏密有变化：${list(paced)}`, `telemetry of these comes more or less often: ${list(paced)}`))
  words.push(say('网关短暂离线后上线，开始新的纪元（epoch）；没有数据丢失', 'the gateway goes offline and comes back within seconds, under a new epoch; nothing is lost'))
  return words
}

function topicWords(before: SiteVersion, after: SiteVersion): readonly Label[] {
  const [old, now] = [bases(before), bases(after)]
  return [...now].flatMap(([id, base]) => { const was = old.get(id); return was === undefined || was === base ? [] : [say(`上行 ${id} 的主题从 ${was} 变为 ${base}`, `the topics of uplink ${id} move from ${was} to ${base}`)] })
}

function bases({ site }: SiteVersion): Map<string, string> {
  return new Map(site.uplinks.flatMap((uplink) => {
    const { id, prefix } = isObject(uplink) ? uplink : {}
    return typeof id === 'string' && typeof prefix === 'string' ? [[id, `${prefix}/${site.site.region}/${site.site.id}`] as const] : []
  }))
}

function modelWords(lines: readonly ChangeLine[]): readonly Label[] {
  const words: Label[] = []
  const of = (area: string, what: ChangeLine['what']): string[] => ofArea(lines, area).filter((line) => line.what === what).map(({ id }) => id)
  for (const [area, zh, en] of [['devices', '设备', 'devices'], ['points', '点位', 'points']] as const) {
    const [added, removed] = [of(area, 'added'), of(area, 'removed')]
    if (added.length > 0) words.push(say(`模型中新增${zh}：${list(added)}`, `the model gains ${en}: ${list(added)}`))
    if (removed.length > 0) words.push(say(`模型中不再有${zh}：${list(removed)}`, `the model loses ${en}: ${list(removed)}`))
  }
  for (const line of ofArea(lines, 'points').filter(({ what }) => what === 'changed')) {
    for (const { path, before, after } of line.fields) if (['unit', 'type', 'scale', 'offset'].includes(path)) words.push(say(`点位 ${line.id} 的 ${path} 从 ${before ?? '默认'} 变为 ${after ?? '默认'}`, `${line.id}: ${path} was ${before ?? 'the default'}, is ${after ?? 'the default'}: numbers before and after are not comparable as they are`))
  }
  return words
}

function streamWords(lines: readonly ChangeLine[]): readonly Label[] {
  const words: Label[] = []
  for (const { id, what } of ofArea(lines, 'streams')) words.push(say(`数据流 ${id} ${zhOf[what]}`, `stream ${id} is ${what}`))
  for (const line of ofArea(lines, 'uplinks')) {
    if (line.what === 'changed' && touches(line, 'streams')) words.push(say(`上行 ${line.id} 得到的数据流有变化`, `uplink ${line.id} takes other streams`))
    else if (line.what !== 'changed') words.push(say(`上行 ${line.id} ${zhOf[line.what]}`, `uplink ${line.id} is ${line.what}`))
    if (touches(line, 'commands')) words.push(say(`谁可以经 ${line.id} 下发命令有变化`, `who may command over ${line.id} changes`))
    if (touches(line, 'configuration')) words.push(say(`平台可否经 ${line.id} 下发配置有变化`, `whether and how ${line.id} brings configurations changes`))
  }
  return words
}

const zhOf: Readonly<Record<ChangeLine['what'], string>> = { added: '新增', removed: '取消', changed: '有变化' }
