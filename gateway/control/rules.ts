import type { ServerResponse } from 'node:http'
import type { EpochMs, JsonObject } from '../contract/index.ts'
import { codeOf, DataError, describe } from '../kit/index.ts'
import { didYouMean } from '../kit/suggest.ts'

/** One rule in a list. */
export interface RuleView {
  readonly id: string
  readonly kind: string
  readonly watches: number
  /** Its open alerts: raised, or waiting for an answer. */
  readonly alerts: readonly { readonly id: string; readonly severity: number; readonly condition: string; readonly raisedAt: EpochMs }[]
  /** It threw and is set aside until the next start. */
  readonly failed: { readonly code: string; readonly detail: string; readonly at: EpochMs } | null
}

/** What the control socket needs of the rules; the composition root gives it. */
export interface RulesControl {
  list(): readonly RuleView[]
  /** Null: no such rule. */
  explain(id: string): JsonObject | null
}

/** `/rules`: all of them; `/rules/ID`: why one says what it says. 409 RULE_UNKNOWN. */
export function answerRules(rules: RulesControl, url: string, response: ServerResponse): void {
  const answer = (status: number, content: unknown): void => { response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content)) }
  try {
    const { pathname } = new URL(url, 'http://socket')
    if (pathname === '/rules') return answer(200, rules.list())
    const id = decodeURIComponent(pathname.slice('/rules/'.length))
    const explained = rules.explain(id)
    if (!explained) throw new DataError('RULE_UNKNOWN', `no rule "${id.slice(0, 100)}"${didYouMean(id.slice(0, 100), rules.list().map((rule) => rule.id)) || '; linli rules list tells them'}`)
    answer(200, explained)
  } catch (error) {
    answer(409, { code: error instanceof URIError ? 'CONTROL_REFUSED' : codeOf(error), message: describe(error) })
  }
}
