import type { ChangeFinding, Label } from '../../gateway/contract/index.ts'
import type { Baseline } from './health.ts'

/** A configuration on trial, as it lies on disk before anything is switched. A type, so that it is JSON. */
export type Trial = {
  readonly number: number
  readonly previous: number
  readonly confirm: 'person' | 'health'
  readonly windowMs: number
  /** Which life of the machine, and how long that had lasted, in ms: no clock can be set in between. */
  readonly boot: string
  readonly beganAt: number
  /** How often the process began anew since. */
  readonly starts: number
  readonly baseline: Baseline
}

/** The machine's life: `/proc/sys/kernel/random/boot_id` and its uptime in ms. */
export interface BootTime { readonly boot: string; readonly upMs: number }

/** Why it was taken back: a code of docs/errors.md, and a sentence. */
export interface Reason { readonly code: string; readonly text: Label }
export type Verdict = { readonly do: 'wait' } | { readonly do: 'confirm' } | { readonly do: 'roll-back'; readonly why: Reason }

/** A process that died so often within one trial would do so again. */
const maxStarts = 2

export const leftMs = (trial: Trial, { upMs }: BootTime): number => Math.max(0, trial.beganAt + trial.windowMs - upMs)

/** At a start of the process, before anything is opened: whether the trial goes on. Null: it does. */
export function interrupted(trial: Trial, now: BootTime): Reason | null {
  const back = (zh: string, en: string): Reason => ({ code: 'CHANGE_INTERRUPTED', text: { zh, en } })
  if (trial.boot !== now.boot) return back('试运行期间设备重启了', 'the box restarted during the trial')
  // A machine's life does not run backwards: what was written is not of this one.
  if (now.upMs < trial.beganAt || leftMs(trial, now) === 0) return back('试运行期结束时网关没有运行', 'the gateway was not running when the trial ended')
  if (trial.starts >= maxStarts) return back(`试运行期间网关已意外重启 ${trial.starts} 次`, `the gateway died ${trial.starts} times during the trial`)
  return null
}

/** While it runs. `findings`: what is not as it was before. */
export function judge(trial: Trial, now: BootTime, findings: readonly ChangeFinding[]): Verdict {
  if (leftMs(trial, now) > 0) return { do: 'wait' }
  const [worst] = findings
  if (worst) return { do: 'roll-back', why: { code: worst.code, text: more(worst.text, findings.length - 1) } }
  if (trial.confirm === 'health') return { do: 'confirm' }
  const seconds = Math.round(trial.windowMs / 1_000)
  return { do: 'roll-back', why: { code: 'CHANGE_NOT_CONFIRMED', text: { zh: `${seconds} 秒内无人确认`, en: `nobody confirmed it within ${seconds} s` } } }
}

const more = ({ zh, en }: Label, others: number): Label => (others === 0 ? { zh, en } : { zh: `${zh}（另有 ${others} 处）`, en: `${en}, and ${others} more` })
