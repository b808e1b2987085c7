import type { Label } from '../../contract/index.ts'

/** Of the line to the city platform. */
export const linkWords = {
  link_online: { zh: '已连上城市平台', en: 'Connected to the city' },
  link_offline: { zh: '没有连上城市平台', en: 'Not connected to the city' },
  link_connecting: { zh: '正在连接城市平台', en: 'Connecting to the city' },
  link_none: { zh: '没有设置上传', en: 'No link is set up' },
  linkNothingLost: { zh: '数据都存在网关里，连上后自动补传。', en: 'Everything is kept here and sent when it is back.' },
  linkUpToDate: { zh: '全部已上传', en: 'Everything is with the city' },
  backlog: { zh: '等待上传', en: 'Waiting to be sent' },
  records: { zh: '条数', en: 'Records' },
  size: { zh: '大小', en: 'Size' },
  oldest: { zh: '最早', en: 'Oldest' },
  room: { zh: '还能存', en: 'Room for' },
  drain: { zh: '预计传完', en: 'Done in' },
  stream_alert: { zh: '告警', en: 'alerts' },
  stream_event: { zh: '事件', en: 'events' },
  stream_telemetry: { zh: '测量数据', en: 'measurements' },
  stream_ledger: { zh: '账本', en: 'ledger' },
  deadLetters: { zh: '被拒收的记录', en: 'Refused records' },
  noDeadLetters: { zh: '没有被拒收的记录。', en: 'None were refused.' },
  resend: { zh: '重新发送', en: 'Send again' },
  resent: { zh: '已重新发送', en: 'Sent again' },
  checkpoint: { zh: '最近一次签名核对', en: 'Last signed checkpoint' },
  lastError: { zh: '最近的错误', en: 'Last error' },
  storage: { zh: '存储已用', en: 'Storage used' },
  unlimited: { zh: '充足', en: 'plenty' },
} as const satisfies Readonly<Record<string, Label>>
