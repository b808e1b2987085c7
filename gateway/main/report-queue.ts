import type { Clock } from '../contract/index.ts'
import { ConfigError } from '../kit/index.ts'

const maxWaiting = 8
const keptAnswers = 12
/** What is asked again within this is the same answer. */
const freshMs = 10_000

/**
 * One report is drawn up at a time, so that reports never take more than one reader's share of a box; who asks for what was just drawn up, or is being drawn up,
 * gets that. Throws ConfigError REPORT_BUSY when too many wait.
 */
export function reportQueue(clock: Pick<Clock, 'now'>): <T>(name: string, draw: () => Promise<T>) => Promise<T> {
  const answers = new Map<string, { readonly at: number; readonly answer: Promise<unknown> }>()
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0
  return <T>(name: string, draw: () => Promise<T>): Promise<T> => {
    const known = answers.get(name)
    const age = known ? clock.now() - known.at : NaN
    if (known && age >= 0 && age < freshMs) return known.answer as Promise<T>
    if (waiting >= maxWaiting) throw new ConfigError('REPORT_BUSY', 'several reports are being drawn up already; ask again in a few seconds', { retriable: true, values: { retryAfterMs: 3_000 } })
    waiting++
    const answer = last.then(draw).finally(() => { waiting-- })
    last = answer.catch(() => answers.delete(name))
    answers.delete(name)
    answers.set(name, { at: clock.now(), answer })
    if (answers.size > keptAnswers) answers.delete(answers.keys().next().value!)
    return answer
  }
}
