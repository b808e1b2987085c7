import type { Answers } from '../../../firmware-config/init/answers.ts'
import { provinces, regionName, wuhanDistricts } from '../../../firmware-config/site/regions.ts'
import { one, say, some, text, yes, type Choice, type Conversation } from '../ask/question.ts'
import type { Box } from './box.ts'
import { askDevices, askLines } from './interview-devices.ts'
import { askPins, askSounder } from './interview-pins.ts'
import { askConsole, askPeople, askPlatform } from './interview-people.ts'
import * as judge from './judges.ts'

/** What came of it. `secrets`: file below the site file's folder, and what was typed. */
export interface Interviewed { readonly answers: Answers; readonly secrets: Readonly<Record<string, string>> }

/** All that is asked, in this order. Pure: `Box` is looked at before. null: it is not to be written. */
export function* interview(box: Box): Conversation<Interviewed | null> {
  yield* say({ zh: 'Esc 返回上一题，Ctrl-C 退出（不写任何文件）', en: 'Esc goes back one question, Ctrl-C leaves and writes nothing' })
  const site = yield* askSite(box)
  const places = yield* askPlaces()
  const lines = yield* askLines(box)
  const devices = yield* askDevices(box, places, lines)
  const gpio = yield* askPins(box, places, devices.map(({ id }) => id))
  const sounder = yield* askSounder(box, devices, gpio)
  const { people, duty } = yield* askPeople()
  const { platform, secrets } = yield* askPlatform()
  const console = yield* askConsole(box, lines.broker?.port)
  yield* say({ zh: '居民扫码页保持关闭，站点文件里有打开的方法', en: "the residents' page stays off; the site file says how to turn it on" })
  const [contacts, seats] = [gpio.gpio?.contacts.length ?? 0, people.length]
  yield* say({ zh: `${site.name.zh}（${site.id}）：线路 ${lines.lines.length}，设备 ${devices.length}，接点 ${contacts}，人员 ${seats}`, en: `${site.name.en} (${site.id}): lines ${lines.lines.length}, devices ${devices.length}, contacts ${contacts}, people ${seats}` })
  if (!(yield* yes({ zh: '写入站点文件吗', en: 'Write the site file' }, true))) return null
  return { answers: { site, places, lines: lines.lines, ...(lines.broker ? { broker: lines.broker } : {}), devices, ...gpio, ...sounder, people, duty, ...platform, ...console }, secrets }
}

function* askSite({ host }: Box): Conversation<Answers['site']> {
  const zh = yield* text({ zh: '站点中文名称', en: 'Name of the site in Chinese' }, judge.given)
  const en = yield* text({ zh: '站点英文名称（直接回车则同中文）', en: 'Name in English (Enter: the same)' }, judge.nothingWrong, { otherwise: zh })
  const code = yield* askRegion()
  const name = /^[a-z0-9-]{1,48}$/.test(host) && host !== 'localhost' ? host : 'gateway-1'
  const id = yield* text({ zh: '网关编号，出现在每条上报消息里，以后不要再改', en: 'Id of this gateway: it stands in every message, and stays' }, judge.freeId([]), { otherwise: name })
  const grid = yield* askGrid(code)
  const timezone = yield* text({ zh: '时区', en: 'Time zone' }, judge.timezone, { initial: 'Asia/Shanghai' })
  return { id, name: { zh, en }, region: code, ...(grid ? { grid } : {}), timezone }
}

function* askRegion(): Conversation<string> {
  const province = yield* one({ zh: '所在省（区、市）', en: 'Province' }, [...provinces].map(([value, label]) => ({ value, label, hint: value })), { search: true })
  if (province === '42') {
    const district = yield* one({ zh: '区县', en: 'District' }, [...[...wuhanDistricts].map(([value, label]): Choice => ({ value, label: { zh: `武汉市${label.zh}`, en: `${label.en}, Wuhan` }, hint: value })), { value: '', label: { zh: '其他区县（输入代码）', en: 'another one (type its code)' } }], { search: true })
    if (district !== '') return district
  }
  const code = yield* text({ zh: '区县代码（GB/T 2260，六位数字）', en: 'Code of the county (GB/T 2260, six digits)' }, judge.region(province), { initial: province })
  if (code.endsWith('00')) yield* say({ zh: `${code} 是地级市代码；没有区县的市才这样写`, en: `${code} is the code of a whole city; right only where it has no counties` })
  const known = regionName(code)!
  yield* say({ zh: `区域：${known.zh}`, en: `region: ${known.en}` })
  return code
}

function* askGrid(county: string): Conversation<Answers['site']['grid']> {
  const scheme = yield* one({ zh: '网格编码（事件都会带上；不知道就以后再填）', en: 'Grid code (every event carries it; may be added later)' }, [
    { value: 'none', label: { zh: '以后再填', en: 'later' } },
    { value: 'unit-grid-15', label: { zh: '城管单元网格，15 位', en: 'unit grid of urban management, 15 digits' } },
    { value: 'cjt-349-20', label: { zh: '社区网格 CJ/T 349-2010，20 位', en: 'community grid of CJ/T 349-2010, 20 digits' } },
    { value: 'division-12', label: { zh: '社区区划代码，12 位', en: 'division code of the community, 12 digits' } },
    { value: 'custom', label: { zh: '本市自己的编码', en: "the city's own" } },
  ])
  if (scheme === 'none') return undefined
  const known = scheme as judge.GridScheme
  const pattern = known === 'custom' ? yield* text({ zh: '编码规则（正则表达式）', en: 'Its form, as a regular expression' }, judge.pattern) : undefined
  const code = yield* text({ zh: '编码', en: 'Code' }, judge.grid(known, county, pattern), known === 'unit-grid-15' || known === 'division-12' ? { initial: county } : {})
  return { scheme: known, code, ...(pattern === undefined ? {} : { pattern }) }
}

/** Rooms that most centres have. */
const usualPlaces: Readonly<Record<string, { readonly zh: string; readonly en: string }>> = {
  hall: { zh: '办事大厅', en: 'service hall' }, lobby: { zh: '门厅', en: 'lobby' }, 'duty-room': { zh: '值班室', en: 'duty room' }, 'power-room': { zh: '配电间', en: 'power room' },
  'meeting-room': { zh: '会议室', en: 'meeting room' }, 'activity-room': { zh: '活动室', en: 'activity room' }, kitchen: { zh: '食堂', en: 'kitchen' }, corridor: { zh: '走廊', en: 'corridor' },
  stairwell: { zh: '楼梯间', en: 'stairwell' }, 'pump-room': { zh: '水泵房', en: 'pump room' }, garage: { zh: '车库', en: 'garage' }, entrance: { zh: '大门口', en: 'main entrance' },
}

function* askPlaces(): Conversation<Answers['places']> {
  const chosen = yield* some({ zh: '这里有哪些房间或位置', en: 'Which rooms or places are there' }, Object.entries(usualPlaces).map(([value, label]) => ({ value, label, hint: value })))
  const places: Record<string, { zh: string; en: string }> = Object.fromEntries(chosen.map((id) => [id, usualPlaces[id]!]))
  while (yield* yes({ zh: '再加一个别的位置', en: 'Another place' }, false)) {
    const zh = yield* text({ zh: '中文名称', en: 'Its name in Chinese' }, judge.given)
    const en = yield* text({ zh: '英文名称（回车则同中文）', en: 'Its name in English (Enter: the same)' }, judge.nothingWrong, { otherwise: zh })
    const id = yield* text({ zh: '编号（小写字母、数字、-）', en: 'Its id (a-z, 0-9, -)' }, judge.freeId(Object.keys(places)), judge.suggestion(en))
    places[id] = { zh, en }
  }
  return places
}
