import type { EpochMs, Label } from '../../gateway/contract/index.ts'
import { gravestFirst, type Notice } from './notice.ts'
import type { Fields } from './placeholders.ts'
import { words } from './words.ts'

export type Language = 'zh' | 'en' | 'both'

/** One sending: one notice, or several that waited. */
export interface Message {
  /** At least one. */
  readonly notices: readonly Notice[]
  /** A person asked for it, to see whether the channel works. */
  readonly test?: boolean
  /** Telephone numbers of those to be called by name. */
  readonly phones: readonly string[]
}

/** How the building is told of. */
export interface Surroundings {
  readonly site: Label
  readonly gateway: string
  /** IANA name. */
  readonly timezone: string
  deviceName(id: string): Label | undefined
  placeOf(device: string): string | undefined
}

export interface Rendered { readonly title: string; readonly text: string }

/** Listed one by one in a message that stands for several. */
const listed = 10
const truncated = '…'

/** Title: one line. Text: lines that begin with the title. At most `maxBytes` of UTF-8, cut at a whole character. */
export function render(message: Message, around: Surroundings, language: Language, maxBytes: number): Rendered {
  const languages = language === 'both' ? (['zh', 'en'] as const) : [language]
  const notices = gravestFirst(message.notices)
  const titles = languages.map((each) => titleOf(notices, message, each))
  // In two languages neither may push the other out.
  const room = Math.floor(maxBytes / languages.length) - 2
  const texts = languages.map((each, index) => cut([titles[index]!, ...(notices.length === 1 ? linesOf(notices[0]!, message, around, each) : listOf(notices, around, each)), `${words.from[each]}${colon(each)}${plain(around.site[each])}`].join('\n'), room))
  return { title: cut(titles.join(' / '), 200), text: texts.join('\n\n') }
}

/** What templates may name; a message of several speaks of the gravest, and of all in `text`. */
export function fieldsOf(message: Message, around: Surroundings, language: Language, maxBytes: number): Fields {
  const [first] = gravestFirst(message.notices) as readonly [Notice, ...Notice[]]
  const one = language === 'both' ? 'zh' : language
  const { title, text } = render(message, around, language, maxBytes)
  const device = first.device === undefined ? undefined : around.deviceName(first.device)
  return {
    id: first.alert ?? '', rule: plain(first.rule), title: plain(first.title[one]), text, severity: first.severity === null ? '' : `${first.severity}`, word: severityWord(first)[one], state: first.step,
    place: placeOf(first, around), device: plain(device?.[one] ?? first.device ?? ''), since: timeOf(first.raisedAt, around.timezone), at: new Date(first.at).toISOString(), site: plain(around.site[one]), gateway: around.gateway,
    count: `${message.notices.length}`, more: `${message.notices.length - 1}`, test: `${isTest(first, message)}`, ...(message.notices.length > 1 ? { title: cut(title, 200) } : {}),
  }
}

const isTest = (notice: Notice, message: Message): boolean => message.test === true || notice.mode === 'test'
const severityWord = ({ severity }: Notice): Label => (severity === null ? words.notice : words.severity[severity])
const colon = (language: 'zh' | 'en'): string => (language === 'zh' ? '：' : ': ')
const mark = (word: string, language: 'zh' | 'en'): string => (language === 'zh' ? `【${word}】` : `[${word}] `)
const count = (label: Label, n: number, language: 'zh' | 'en'): string => label[language].replace('{n}', `${n}`)

/** TEST before everything: nobody shall run for it. */
function marksOf(notice: Notice, test: boolean | undefined, language: 'zh' | 'en'): string {
  const mode = test ? 'test' : notice.mode
  return `${mode ? mark(words.modes[mode][language], language) : ''}${mark(severityWord(notice)[language], language)}`
}

function titleOf(notices: readonly Notice[], message: Message, language: 'zh' | 'en'): string {
  const [first] = notices as readonly [Notice]
  const marks = marksOf(first, message.test, language)
  if (notices.length > 1) return `${marks}${plain(first.title[language])}${language === 'zh' ? '；' : '; '}${count(words.more, notices.length - 1, language)}`
  const step = first.step === 'raised' || first.step === 'notice' ? '' : `${language === 'zh' ? '：' : ': '}${words.step[first.step][language]}`
  return `${marks}${plain(first.title[language])}${step}`
}

function linesOf(notice: Notice, message: Message, around: Surroundings, language: 'zh' | 'en'): readonly string[] {
  const line = (label: Label, value: string | undefined): readonly string[] => (value ? [`${label[language]}${colon(language)}${value}`] : [])
  const next = isTest(notice, message) ? words.nextTest : words.next[notice.step]
  const times = notice.count > 1 ? (language === 'zh' ? `（${count(words.times, notice.count, language)}）` : ` (${count(words.times, notice.count, language)})`) : ''
  return [
    ...line(words.place, placeOf(notice, around)), ...line(words.device, deviceOf(notice, around, language)), ...line(words.since, `${timeOf(notice.raisedAt, around.timezone)}${times}`),
    ...(notice.step === 'notice' ? [] : line(words.state, words.step[notice.step][language])), ...line(words.by, plain(notice.by ?? '')), ...line(words.note, cut(plain(notice.note ?? ''), 500)),
    ...(next ? line(words.nextStep, next[language]) : []),
  ]
}

function listOf(notices: readonly Notice[], around: Surroundings, language: 'zh' | 'en'): readonly string[] {
  const rows = notices.slice(0, listed).map((notice, index) => {
    const where = [placeOf(notice, around), deviceOf(notice, around, language)].filter((each) => each).join(' ')
    const step = notice.step === 'notice' ? '' : ` ${words.step[notice.step][language]}`
    return `${index + 1}. ${marksOf(notice, false, language)}${plain(notice.title[language])}${where ? ` ${where}` : ''} ${timeOf(notice.at, around.timezone)}${step}`
  })
  return [count(words.several, notices.length, language) + colon(language), ...rows, ...(notices.length > listed ? [count(words.more, notices.length - listed, language)] : [])]
}

/** Where the alert does not say, its device does. */
const placeOf = ({ place, device }: Notice, around: Surroundings): string => plain(place ?? (device === undefined ? undefined : around.placeOf(device)) ?? '')
const deviceOf = ({ device }: Notice, { deviceName }: Surroundings, language: 'zh' | 'en'): string => plain((device === undefined ? undefined : deviceName(device)?.[language]) ?? device ?? '')

const formats = new Map<string, Intl.DateTimeFormat>()
/** `11-25 14:03`, at the site. */
function timeOf(at: EpochMs, timezone: string): string {
  let format = formats.get(timezone)
  if (!format) formats.set(timezone, format = new Intl.DateTimeFormat('en-GB', { timeZone: timezone, month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }))
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]))
  return `${part.month}-${part.day} ${part.hour}:${part.minute}`
}

/** One line that no chat takes for a mention or a tag (`<@all>`, `<at user_id="all">`): residents write some of it. */
export const plain = (text: string): string => text
  // oxlint-disable-next-line no-control-regex
  .replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ').replaceAll('<', '＜').replaceAll('>', '＞').trim()

/** At most so many bytes of UTF-8, at a whole character. */
export function cut(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text
  let room = maxBytes - Buffer.byteLength(truncated)
  let end = 0
  for (const character of text) {
    room -= Buffer.byteLength(character)
    if (room < 0) break
    end += character.length
  }
  return text.slice(0, end) + truncated
}
