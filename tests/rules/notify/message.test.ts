import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Mode, Severity } from '../../../gateway/contract/index.ts'
import { render } from '../../../rules/notify/message.ts'
import { gravestFirst, noticeFor, type Notice } from '../../../rules/notify/notice.ts'
import { steps, words } from '../../../rules/notify/words.ts'
import { around, message, notice } from './support.ts'

const hostile = fc.string({ unit: 'binary', maxLength: 300 })
const notices: fc.Arbitrary<Notice> = fc.record({
  step: fc.constantFrom(...steps), severity: fc.constantFrom<(Severity | null)[]>(1, 2, 3, 4, null), zh: hostile, en: hostile, note: fc.option(hostile, { nil: undefined }), place: fc.option(hostile, { nil: undefined }),
  mode: fc.constantFrom<(Mode | undefined)[]>(undefined, 'test', 'maintenance'), count: fc.nat(), at: fc.integer({ min: 0, max: 4e12 }),
}).map(({ zh, en, note, place, mode, ...rest }) => notice({ ...rest, title: { zh, en }, place: place ?? 'hall', ...(note === undefined ? {} : { note }), ...(mode ? { mode } : {}) }))

describe('the words of messages', () => {
  it('fit, break nothing and call nobody, whatever people wrote', () => {
    fc.assert(fc.property(fc.array(notices, { minLength: 1, maxLength: 30 }), fc.constantFrom('zh', 'en', 'both'), fc.integer({ min: 200, max: 4_000 }), (some, language, maxBytes) => {
      const { title, text } = render(message({ notices: some }), around, language as 'zh' | 'en' | 'both', maxBytes)
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(maxBytes)
      expect(Buffer.byteLength(title)).toBeLessThanOrEqual(200)
      expect(`${title}${text}`).not.toMatch(/[<>]/)
      // eslint-disable-next-line no-control-regex
      expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202a-\u202e]/)
      expect(title).not.toMatch(/\n/)
      const [first] = gravestFirst(some)
      if (first!.mode === 'test') expect(title).toMatch(/^(【测试】|\[TEST\] )/)
    }))
  })
  it('say the severity, and what to do next, for every step and language', () => {
    for (const step of steps) {
      for (const language of ['zh', 'en'] as const) {
        const { text } = render(message({ notices: [notice({ step, severity: step === 'notice' ? null : 2 })] }), around, language, 4_000)
        expect(text.startsWith(language === 'zh' ? `【${step === 'notice' ? '通知' : '紧急'}】` : `[${step === 'notice' ? 'notice' : 'urgent'}] `)).toBe(true)
        const next = words.next[step]
        if (next) expect(text).toContain(next[language])
      }
    }
  })
  it('tell the time of the place, how often, by whom and why', () => {
    const { text } = render(message({ notices: [notice({ step: 'shelved', count: 3, by: 'wang', note: '换电池' })] }), around, 'zh', 4_000)
    expect(text).toBe('【特急】烟雾报警：已暂时搁置\n地点：hall\n设备：一层烟感\n开始：11-25 14:03（第 3 次）\n状态：已暂时搁置\n操作人：wang\n说明：换电池\n下一步：到时会再次提醒。\n来自：江岸社区服务站')
  })
  it('of several tell the gravest first, then the oldest', () => {
    const some = [notice({ severity: 4, at: 1 }), notice({ severity: null, at: 0 }), notice({ severity: 2, at: 9 }), notice({ severity: 2, at: 3 })]
    expect(gravestFirst(some).map(({ severity, at }) => [severity, at])).toEqual([[2, 3], [2, 9], [4, 1], [null, 0]])
  })
})

describe('what a channel hears', () => {
  const record = (data: object) => ({ type: 'org.linli.alert.v1', time: '2026-11-25T06:00:00.000Z', data: data as never })
  it('is never thrown at, and never a receipt', () => {
    fc.assert(fc.property(fc.dictionary(fc.constantFrom('id', 'state', 'notify', 'mention', 'title', 'severity', 'raisedAt', 'device', 'count', 'text'), fc.jsonValue()), (data) => {
      const heard = noticeFor('duty', record({ notify: ['duty'], ...data }))
      if (heard) expect(['string', 'string']).toEqual([typeof heard.title.zh, typeof heard.title.en])
    }))
    for (const state of ['delivered', 'undelivered']) expect(noticeFor('duty', record({ id: 'a', state, notify: ['duty'] }))).toBeNull()
  })
  it('tells a step it does not know as a change', () => {
    expect(noticeFor('duty', record({ id: 'a', key: 'k', state: 'levitated', severity: 1, notify: ['duty'] }))).toMatchObject({ step: 'changed', severity: 1, title: { zh: 'k' } })
  })
  it('finds the device of the point where the alert names none', () => {
    expect(noticeFor('duty', record({ id: 'a', state: 'raised', point: 'env.t', notify: ['duty'] }))).toMatchObject({ device: 'env' })
  })
})
