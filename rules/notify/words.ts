import type { Label } from '../../gateway/contract/index.ts'
import { severityWords } from '../../gateway/kit/severity-words.ts'

/** The step of an alert's life that an event tells; `changed` is any other. */
export const steps = ['raised', 'cleared', 'acknowledged', 'assigned', 'shelved', 'unshelved', 'escalated', 'resolved', 'evaluated', 'reopened', 'closed', 'commented', 'released', 'changed', 'notice'] as const
export type Step = (typeof steps)[number]

/** The words of messages, in both languages; calm, and each says what to do next. */
export const words = {
  severity: severityWords,
  notice: { zh: '通知', en: 'notice' },
  test: { zh: '测试', en: 'TEST' },
  modes: {
    test: { zh: '测试', en: 'TEST' }, maintenance: { zh: '维护中', en: 'maintenance' }, commissioning: { zh: '调试中', en: 'commissioning' },
  },
  step: {
    raised: { zh: '新警情', en: 'new alert' },
    cleared: { zh: '现场已恢复正常', en: 'back to normal' },
    acknowledged: { zh: '已有人应答', en: 'acknowledged' },
    assigned: { zh: '已指派', en: 'assigned' },
    shelved: { zh: '已暂时搁置', en: 'shelved' },
    unshelved: { zh: '搁置结束，恢复提醒', en: 'no longer shelved' },
    escalated: { zh: '尚无人应答，已升级', en: 'nobody has answered yet: escalated' },
    resolved: { zh: '已处理', en: 'resolved' },
    evaluated: { zh: '已评价', en: 'evaluated' },
    reopened: { zh: '重新打开', en: 'reopened' },
    closed: { zh: '已关闭', en: 'closed' },
    commented: { zh: '有新备注', en: 'a comment' },
    released: { zh: '仍未恢复（此前因上级故障未提醒）', en: 'still there; it was held back by a failure that explained it' },
    changed: { zh: '有变化', en: 'changed' },
    notice: { zh: '通知', en: 'notice' },
  } satisfies Record<Step, Label>,
  next: {
    raised: { zh: '请到现场查看，并在网关页面上应答。', en: 'Look at it on site, and acknowledge it on the gateway’s page.' },
    cleared: { zh: '请确认原因，处理后填写结果。', en: 'Find out why, then resolve it with a note.' },
    acknowledged: { zh: '其他人无需行动。', en: 'Nobody else needs to act.' },
    assigned: { zh: '请负责人处理，并填写结果。', en: 'Whoever it is assigned to deals with it, and writes down how.' },
    shelved: { zh: '到时会再次提醒。', en: 'It will be told again when that time is over.' },
    unshelved: { zh: '请再次查看。', en: 'Look at it again.' },
    escalated: { zh: '请立即应答，或请同事应答。', en: 'Acknowledge it now, or ask a colleague to.' },
    resolved: { zh: '请评价处理结果。', en: 'Say how well it was dealt with.' },
    evaluated: { zh: '无需行动。', en: 'Nothing to do.' },
    reopened: { zh: '请重新处理。', en: 'Deal with it again.' },
    closed: { zh: '无需行动。', en: 'Nothing to do.' },
    commented: { zh: '请在网关页面上查看。', en: 'Read it on the gateway’s page.' },
    released: { zh: '请到现场查看，并在网关页面上应答。', en: 'Look at it on site, and acknowledge it on the gateway’s page.' },
    changed: { zh: '请在网关页面上查看。', en: 'See the gateway’s page.' },
    notice: null,
  } satisfies Record<Step, Label | null>,
  nextTest: { zh: '这是一次测试，无需行动。', en: 'This is a test. Nothing to do.' },
  place: { zh: '地点', en: 'Place' },
  device: { zh: '设备', en: 'Device' },
  since: { zh: '开始', en: 'Since' },
  state: { zh: '状态', en: 'State' },
  by: { zh: '操作人', en: 'By' },
  note: { zh: '说明', en: 'Note' },
  nextStep: { zh: '下一步', en: 'Next' },
  from: { zh: '来自', en: 'From' },
  times: { zh: '第 {n} 次', en: '{n} times' },
  several: { zh: '共 {n} 条消息', en: '{n} messages' },
  more: { zh: '另有 {n} 条', en: '{n} more' },
  testTitle: { zh: '通知通道测试', en: 'test of this channel' },
} as const
