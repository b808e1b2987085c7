import type { Label } from '../../contract/index.ts'
import { alertWords } from './words-alerts.ts'
import { auditWords } from './words-audit.ts'
import { changeWords } from './words-change.ts'
import { deskPhrases, deskWords } from './words-desk.ts'
import { accountPhrases, accountWords } from './words-accounts.ts'
import { commissioningPhrases, commissioningWords } from './words-commissioning.ts'
import { discoveryPhrases, discoveryWords } from './words-discovery.ts'
import { deviceWords } from './words-devices.ts'
import { doorWords } from './words-doors.ts'
import { linkWords } from './words-link.ts'
import { reportWords } from './words-reports.ts'
import { supportWords } from './words-support.ts'

export type Language = keyof Label

/** Every word of the pages. Each has both languages: the type asks for them. Names, ids and units come from the gateway. */
export const words = {
  ...alertWords,
  ...auditWords,
  ...deviceWords,
  ...doorWords,
  ...linkWords,
  ...supportWords,
  ...changeWords,
  ...deskWords,
  ...reportWords,
  ...discoveryWords,
  ...accountWords,
  ...commissioningWords,
  product: { zh: '邻里值班台', en: 'Linli duty desk' },
  skip: { zh: '跳到内容', en: 'Skip to content' },
  otherLanguage: { zh: 'English', en: '中文' },
  menu: { zh: '主菜单', en: 'Main menu' },
  home: { zh: '首页', en: 'Home' },
  alerts: { zh: '告警', en: 'Alerts' },
  devices: { zh: '设备', en: 'Devices' },
  doors: { zh: '门与终端', en: 'Doors' },
  link: { zh: '城市平台', en: 'City link' },
  shift: { zh: '值班', en: 'Shift' },
  installer: { zh: '维护', en: 'Installer' },
  more: { zh: '更多', en: 'More' },
  loading: { zh: '正在读取……', en: 'Loading…' },
  notFound: { zh: '没有这个页面', en: 'There is no such page' },
  back: { zh: '返回', en: 'Back' },
  close: { zh: '关闭', en: 'Close' },
  cancel: { zh: '取消', en: 'Cancel' },
  save: { zh: '保存', en: 'Save' },
  add: { zh: '添加', en: 'Add' },
  end: { zh: '结束', en: 'End' },
  all: { zh: '全部', en: 'All' },
  none: { zh: '无', en: 'None' },
  notYet: { zh: '还没有', en: 'Not yet' },
  name: { zh: '名称', en: 'Name' },
  since: { zh: '从', en: 'since' },

  allNormal: { zh: '一切正常', en: 'All normal' },
  allNormalMore: { zh: '没有需要处理的告警。', en: 'Nothing needs you now.' },
  noAlertsBut: { zh: '没有告警，但有设备需要看一看', en: 'No alerts, but some devices need a look' },
  needYou: { zh: '需要处理', en: 'Needs you' },
  beingHandled: { zh: '已确认，处理中', en: 'Acknowledged, being handled' },
  building: { zh: '大楼现在', en: 'The building now' },
  doorsTile: { zh: '门', en: 'Doors' },
  terminalsTile: { zh: '自助终端', en: 'Terminals' },

  watch: { zh: '开始值守', en: 'Start watching' },
  watching: { zh: '值守中，有告警会响', en: 'Watching: alerts sound' },
  watchStop: { zh: '停止值守', en: 'Stop watching' },
  soundOff: { zh: '声音未打开，有告警不会响', en: 'Sound is off: alerts will not be heard' },
  soundTry: { zh: '试听', en: 'Try the sound' },
  quiet: { zh: '静音两分钟', en: 'Quiet for 2 minutes' },
  quietNow: { zh: '已静音，告警仍待确认', en: 'Quiet; the alerts still wait for you' },
  stale: { zh: '画面已过时', en: 'This picture is old' },
  staleMore: { zh: '与网关的连接断了，正在重连。下面是断开前的情况。', en: 'The connection to the gateway is lost; trying again. Below is how it was before.' },
  internetDown: { zh: '连不上城市平台，可能外网断了。大楼内一切照常工作，恢复后自动补传。', en: 'The city platform cannot be reached; the internet may be down. The building works as usual, and everything is sent later.' },
  plainHttp: { zh: '此页面未加密，只应在本楼网络内使用。', en: 'This page is not encrypted; use it in the building’s own network only.' },

  search: { zh: '查找', en: 'Search' },
  justNow: { zh: '刚刚', en: 'just now' },
  choose: { zh: '请选择', en: 'Choose' },
  howLong: { zh: '多长时间', en: 'For how long' },
  copy: { zh: '复制', en: 'Copy' },
  copied: { zh: '已复制', en: 'Copied' },
  notAllowed: { zh: '您的账号不能做这件事。', en: 'Your account may not do this.' },
  failed: { zh: '没有成功', en: 'It did not work' },
  unreachable: { zh: '连不上网关，请稍后再试', en: 'The gateway does not answer; try again' },
  done: { zh: '已完成', en: 'Done' },
} as const satisfies Readonly<Record<string, Label>>

export type Word = keyof typeof words

type Phrase<Args extends readonly unknown[]> = { readonly [L in Language]: (...args: Args) => string }
const phrase = <Args extends readonly unknown[]>(zh: (...args: Args) => string, en: (...args: Args) => string): Phrase<Args> => ({ zh, en })
const plural = (n: number, one: string, many: string): string => `${n} ${n === 1 ? one : many}`

/** Sentences with something in them. */
export const phrases = {
  ...deskPhrases,
  ...discoveryPhrases,
  ...accountPhrases,
  ...commissioningPhrases,
  needYou: phrase((n: number) => `${n} 项待处理`, (n: number) => `${n} ${n === 1 ? 'needs' : 'need'} you`),
  handledBy: phrase((n: number) => `${n} 项处理中`, (n: number) => `${n} being handled`),
  firstWas: phrase((who: string, at: string) => `${who} 已在 ${at} 先确认了`, (who: string, at: string) => `${who} was first, at ${at}`),
  ackedBy: phrase((who: string, at: string) => `${who} 于 ${at} 确认`, (who: string, at: string) => `acknowledged by ${who} at ${at}`),
  assignedTo: phrase((who: string) => `由 ${who} 处理`, (who: string) => `assigned to ${who}`),
  shelvedUntil: phrase((at: string, why: string) => `暂缓到 ${at}：${why}`, (at: string, why: string) => `shelved until ${at}: ${why}`),
  times: phrase((n: number) => `共 ${n} 次`, (n: number) => `${n} times`),
  rated: phrase((score: number) => `评价 ${score} 分`, (score: number) => `rated ${score}`),
  grouped: phrase((n: number) => `${n} 个相同`, (n: number) => `${n} alike`),
  flood: phrase((n: number, at: string) => `告警很多：${at} 以来 ${n} 个`, (n: number, at: string) => `Very many alerts: ${n} since ${at}`),
  ago: phrase((text: string) => `${text}前`, (text: string) => `${text} ago`),
  seconds: phrase((n: number) => `${n} 秒`, (n: number) => `${n} s`),
  minutes: phrase((n: number) => `${n} 分钟`, (n: number) => `${n} min`),
  hours: phrase((n: number) => `${n} 小时`, (n: number) => `${n} h`),
  days: phrase((n: number) => `${n} 天`, (n: number) => plural(n, 'day', 'days')),
  backlogNow: phrase((n: string) => `${n} 条等待上传`, (n: string) => `${n} records waiting`),
  checkUpDone: phrase((at: string, n: number) => `${at} 检查完毕，${n === 0 ? '没有需要处理的' : `${n} 项需要处理`}`, (at: string, n: number) => `Done at ${at}: ${n === 0 ? 'nothing needs doing' : `${plural(n, 'thing needs', 'things need')} doing`}`),
  logsMissed: phrase((n: number) => `中间有 ${n} 行没有看到：记录太快`, (n: number) => `${plural(n, 'line', 'lines')} went by unseen: too many at once`),
  confLeft: phrase((seconds: number, previous: number | null) => (previous === null ? `还有 ${seconds} 秒` : `还有 ${seconds} 秒，没有人保留就换回 ${previous}`), (seconds: number, previous: number | null) => (previous === null ? `${seconds} s left` : `${seconds} s left; unless it is kept, ${previous} comes back`)),
  discardOf: phrase((what: string, title: string) => `不送了：${what}，${title}`, (what: string, title: string) => `Do not send: ${what}, ${title}`),
  unsentOf: phrase((who: string) => `${who} 接班后送出`, (who: string) => `sent when ${who} is on shift`),
  after: phrase((text: string) => `${text}后`, (text: string) => `after ${text}`),
  moreRows: phrase((n: number) => `还有 ${n} 条未列出`, (n: number) => `${n} more are not listed`),
  queuedActs: phrase((n: number) => `${n} 个操作等待送出`, (n: number) => `${plural(n, 'action', 'actions')} waiting to be sent`),
  ackOf: phrase((title: string) => `确认：${title}`, (title: string) => `Acknowledge: ${title}`),
  writeAsk: phrase((point: string, value: string) => `把“${point}”改为 ${value}？`, (point: string, value: string) => `Set “${point}” to ${value}?`),
  staleFor: phrase((text: string) => `已断开 ${text}`, (text: string) => `no contact for ${text}`),
  sessionsToday: phrase((n: number) => `今天办理 ${n} 次`, (n: number) => `${plural(n, 'session', 'sessions')} today`),
  stars: phrase((n: number) => `${n} 分`, (n: number) => plural(n, 'point', 'points')),
  used: phrase((percent: number) => `${percent}%`, (percent: number) => `${percent} %`),
  since: phrase((at: string) => `从 ${at} 起`, (at: string) => `since ${at}`),
  availability: phrase((hour: string, percent: number) => `${hour}：${percent}% 可用`, (hour: string, percent: number) => `${hour}: ${percent} % available`),
} as const
