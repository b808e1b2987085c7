import type { ChangeLine, ChangePlan, Label } from '../../gateway/contract/index.ts'
import type { PlanFacts } from './version.ts'

const say = (zh: string, en: string): Label => ({ zh, en })

/** Areas that people in the building know, with the words they have for them. */
const known: Readonly<Record<string, Label>> = {
  rules: say('规则', 'rule'), doors: say('门', 'door'), kiosks: say('自助终端', 'terminal'), people: say('人员', 'person'), shifts: say('班次', 'shift'), escalation: say('升级步骤', 'escalation step'),
  channels: say('通知方式', 'way to people'), sounders: say('声光报警', 'sounder'), scenes: say('场景', 'scene'), devices: say('设备', 'device'),
}
const verb: Readonly<Record<ChangeLine['what'], Label>> = { added: say('新增', 'new'), removed: say('取消', 'gone'), changed: say('有变化', 'changed') }
/** Sections of which there is one. */
const single: Readonly<Record<string, Label>> = {
  alerts: say('告警的处理方式有变化（时限、关闭）', 'how alerts are handled changes (deadlines, closing)'), places: say('地点的名称有变化', 'names of places change'),
  residents: say('居民页面有变化', "the residents' page changes"), console: say('值守页面有变化', 'the console changes'), calendar: say('日历有变化', 'the calendar changes'),
}
const shown = 12

/** What the people in the building will notice: by name, in their words. */
export function staffWords({ lines }: PlanFacts, { restarted, closed }: ChangePlan['connections']): readonly Label[] {
  const words: Label[] = []
  for (const { area, id, name, what } of lines) {
    const noun = known[area]
    if (noun) words.push(say(`${noun.zh}“${name?.zh ?? id}”${verb[what].zh}`, `${noun.en} "${name?.en ?? id}" is ${verb[what].en}`))
    else if (single[area]) words.push(single[area])
  }
  const cut = words.length > shown ? [...words.slice(0, shown), say(`以及另外 ${words.length - shown} 处`, `and ${words.length - shown} more`)] : words
  if (restarted.length + closed.length > 0) cut.push(say(`这些线路上的设备会短暂离线：${[...restarted, ...closed].join('、')}`, `devices on these lines are gone for a moment: ${[...restarted, ...closed].join(', ')}`))
  return [...cut, say('页面会断开一两秒后自动恢复；告警不受影响', 'the page loses its connection for a second or two and comes back by itself; alerts stay as they are')]
}
