import type { JSX } from 'preact'
import type { CheckAnswer, CommissioningAnswer } from '../../api/index.ts'
import { valueOf } from '../format.ts'
import { named, say, t, tState } from '../language.ts'
import { StateShape } from '../shapes.tsx'

type Checks = CommissioningAnswer['checks']
const shapes = { passed: 'good', failed: 'bad', skipped: 'uncertain' } as const

/** Device and point by name; the id of one that is no longer there. */
export function pointIn(checks: Checks, id: string): string {
  const check = checks.find(({ point }) => point === id)
  return check ? `${named(check.device)} · ${named(check.name)}` : id
}

/** How one point did: what changed, how fast, and whether the city had it. */
export function Verdict({ result, checks }: { readonly result: CheckAnswer; readonly checks: Checks }): JSX.Element {
  const { point, outcome, before, after, afterMs, toGatewayMs, swappedWith, reason, receipt, receiptMs } = result
  const unit = checks.find((check) => check.point === (swappedWith ?? point))?.unit
  const shown = (value: CheckAnswer['before']): string => valueOf({ id: swappedWith ?? point, value, ...(unit === null || unit === undefined ? {} : { unit }) })
  return (
    <>
      <p class="big-state"><StateShape state={shapes[outcome]} />{tState('check', outcome)}{after === null || swappedWith !== null ? '' : `: ${shown(before)} → ${shown(after)}`}</p>
      {swappedWith === null ? null : <p><strong>{t('commissioningSwapped')}</strong><br />{pointIn(checks, swappedWith)}: {shown(before)} → {shown(after)} <code>{swappedWith}</code></p>}
      {reason === null ? null : <p>{named(reason)}</p>}
      <p class="quiet-line">{[
        afterMs === null ? '' : say('commissioningAfterCall', afterMs), toGatewayMs === null ? '' : say('commissioningToGateway', toGatewayMs),
        receipt === 'came' ? say('commissioningReceipt', receiptMs ?? 0) : receipt === 'waiting' ? t('commissioningReceiptWaiting') : receipt === 'absent' ? t('commissioningReceiptAbsent') : '',
      ].filter(Boolean).map((text) => <span key={text}>{text}</span>)}</p>
    </>
  )
}
