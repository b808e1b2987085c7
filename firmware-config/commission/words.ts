import type { Label } from '../../gateway/contract/index.ts'

/** Every word of the printed commissioning report. */
export const words = {
  title: { zh: '调试验收报告', en: 'commissioning report' },
  gateway: { zh: '网关', en: 'gateway' },
  by: { zh: '调试人', en: 'commissioned by' },
  time: { zh: '时间', en: 'time' },
  version: { zh: '软件版本', en: 'version' },
  siteFile: { zh: '站点文件摘要', en: 'site file, SHA-256' },
  signature: { zh: '签名', en: 'signature' },
  points: { zh: '点位总数', en: 'points' },
  done: { zh: '已测', en: 'done' },
  left: { zh: '剩余', en: 'left' },
  passed: { zh: '通过', en: 'passed' },
  failed: { zh: '未通过', en: 'failed' },
  skipped: { zh: '未测', en: 'not tried' },
  point: { zh: '点位', en: 'point' },
  outcome: { zh: '结果', en: 'outcome' },
  change: { zh: '变化', en: 'change' },
  seen: { zh: '网关看到', en: 'seen' },
  receipt: { zh: '城市平台回执', en: 'city platform’s receipt' },
  noReceipt: { zh: '没有回执', en: 'no receipt' },
  swapped: { zh: '动的是另一个点位，可能接反', en: 'another point moved in its place; the wires may be swapped' },
  afterCall: { zh: '自操作起', en: 'after the call' },
  toGateway: { zh: '到网关', en: 'to the gateway' },
  installer: { zh: '调试人签字', en: 'installer' },
  facility: { zh: '使用单位签字', en: 'for the facility' },
  twin: { zh: '同名 .json 文件内容相同并有签名，可用 linli commission --check 核对。', en: 'The .json file beside this one says the same and is signed: linli commission --check reads it.' },
} as const satisfies Record<string, Label>

/** Why a point has no result, where nobody wrote it. They stand in reports as they are. */
export const reasons = { nothing: 'nothing was seen; said by the installer', left: 'left out by the installer', ended: 'ended before', untried: 'not tried' } as const
const reasonWords: Readonly<Record<string, Label>> = {
  [reasons.nothing]: { zh: '调试人说没有反应', en: reasons.nothing }, [reasons.left]: { zh: '调试人跳过', en: reasons.left },
  [reasons.ended]: { zh: '提前结束', en: reasons.ended }, [reasons.untried]: { zh: '没有试', en: reasons.untried },
}
/** What a person wrote is the same in both. */
export const reasonLabel = (reason: string): Label => (Object.hasOwn(reasonWords, reason) ? reasonWords[reason]! : { zh: reason, en: reason })
