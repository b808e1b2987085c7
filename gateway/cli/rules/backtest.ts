import { backtest, type RuleTotals, type Transition, type Trial } from '../../../rules/backtest.ts'
import type { EpochMs } from '../../contract/index.ts'
import { ConfigError, systemClock } from '../../kit/index.ts'
import { didYouMean } from '../../kit/suggest.ts'
import { paint, print, printJson, table } from '../output.ts'
import { progressBar } from '../progress.ts'
import { openPast, type Past } from './past.ts'
import { lengthText } from './words.ts'
import { siteVariant, type SiteVariant } from './variants.ts'

export interface BacktestCommand {
  /** Milliseconds back from the end of what there is, or an instant. Default: all there is. */
  readonly since?: string
  readonly until?: string
  readonly rule?: readonly string[]
  readonly set?: readonly string[]
  readonly capture?: string
  readonly socket?: string
  /** Every transition too. */
  readonly transitions?: boolean
  readonly json?: boolean
}

export interface BacktestAnswer {
  readonly source: string
  /** Why it is near and not exact, and by how much; absent: it is exact. */
  readonly approximate?: readonly string[]
  /** What could be replayed. */
  readonly span: { readonly from: EpochMs; readonly to: EpochMs }
  readonly since: EpochMs
  readonly until: EpochMs
  /** Where the replay began, for windows; `cold`: later than rules would want. */
  readonly warmFrom: EpochMs
  readonly cold: boolean
  readonly variants: readonly (Trial & { readonly transitions: readonly Transition[] })[]
}

/** More are counted and not listed. */
const maxListed = 10_000

/** `linli rules backtest SITE [OTHER]`: what rules would have done. Carries nothing out, writes nothing. */
export async function backtestRules(files: readonly string[], options: BacktestCommand): Promise<void> {
  const bar = progressBar('backtest')
  const answer = await runBacktest(files, options, options.json ? () => {} : bar.show).finally(bar.done)
  if (answer.variants.some(({ failed }) => failed.length > 0)) process.exitCode = 1
  if (options.json) return printJson(answer)
  print(renderBacktest(answer, options.transitions ?? false))
}

export async function runBacktest(files: readonly string[], options: BacktestCommand, progress: (share: number) => void = () => {}, now: EpochMs = systemClock.now()): Promise<BacktestAnswer> {
  const variants = await variantsOf(files, options.set ?? [])
  const wanted = wantedRules(variants, options.rule ?? [])
  const watched = new Set(variants.flatMap(({ make }) => make().filter(({ id }) => wanted(id)).flatMap(({ watches }) => watches)))
  const past = await openPast(variants[0]!.site, watched, options)
  const { since, until, span } = rangeOf(past, options, now)
  const wish = since - Math.max(...variants.map(({ lookBackMs }) => lookBackMs))
  const warmFrom = Math.max(span.from, wish)
  const transitions = new Map(variants.map(({ name }) => [name, [] as Transition[]]))
  // Ctrl-C ends the process: there is nothing to put away.
  const trials = await backtest(past.replay(warmFrom, until, new AbortController().signal), variants, {
    since, to: until,
    onTransition(variant, transition) { const list = transitions.get(variant)!; if (list.length < maxListed && wanted(transition.rule)) list.push(transition) },
    onProgress: (at) => progress((at - warmFrom) / (until - warmFrom)),
  })
  return {
    source: past.source, ...(past.approximate === undefined ? {} : { approximate: past.approximate }), span, since, until, warmFrom, cold: warmFrom > wish,
    variants: trials.map((trial) => ({ ...trial, rules: trial.rules.filter(({ rule }) => wanted(rule)), transitions: transitions.get(trial.name)! })),
  }
}

async function variantsOf(files: readonly string[], sets: readonly string[]): Promise<readonly SiteVariant[]> {
  if (files.length > 1 && sets.length > 0) throw new ConfigError('BACKTEST_USAGE', 'compare two site files, or one file with itself under --set, not both')
  if (files.length > 2) throw new ConfigError('BACKTEST_USAGE', 'give one site file, or two to compare')
  const variants = await Promise.all(files.map((file) => siteVariant(file)))
  if (sets.length > 0) variants.push(await siteVariant(files[0]!, sets))
  const [first, second] = variants
  if (second && files.length > 1 && first!.site.site.id !== second.site.site.id) throw new ConfigError('BACKTEST_USAGE', `the site files are of two gateways, "${first!.site.site.id}" and "${second.site.site.id}"`)
  return variants
}

/** An entry of the library stands for all its rules. */
function wantedRules(variants: readonly SiteVariant[], names: readonly string[]): (rule: string) => boolean {
  if (names.length === 0) return () => true
  const entries = variants.flatMap(({ site }) => site.decisions.rules)
  const library = new Set(entries.filter(({ kind }) => kind === 'library').map(({ id }) => id))
  const known = new Set([...variants.flatMap(({ make }) => make().map(({ id }) => id)), ...library])
  for (const name of names) if (!known.has(name)) throw new ConfigError('RULE_UNKNOWN', `no rule "${name}"${didYouMean(name, known)}`)
  return (rule) => names.some((name) => rule === name || (library.has(name) && rule.startsWith(`${name}-`)))
}

const day = 86_400_000
/** Stretches of a capture that a refusal names. */
const maxSpans = 5
/** Throws ConfigError BACKTEST_RANGE for what is not there. */
function rangeOf({ spans = [], ...past }: Past, { since: asked, until: end }: BacktestCommand, now: EpochMs): { readonly since: EpochMs; readonly until: EpochMs; readonly span: BacktestAnswer['span'] } {
  const named = asked === undefined ? (end === undefined ? undefined : momentOf(end, now) - 1) : momentOf(asked, now)
  const { from, to } = (named === undefined ? undefined : spans.find((each) => named >= each.from - 60_000 && named < each.to)) ?? past
  const until = end === undefined ? to + 1 : momentOf(end, now)
  const since = asked === undefined ? from : momentOf(asked, now)
  if (!(since < until)) throw new ConfigError('BACKTEST_RANGE', `${local(since)} to ${local(until)} is no time; since must lie before until`)
  // Up to a minute: asked in whole days for what began so many days ago.
  if (spans.length > 1 && (since < from - 60_000 || until > to + 60_000)) throw new ConfigError('BACKTEST_RANGE', `asked for ${local(since)} to ${local(until)}, but records are missing in the capture: what can be replayed is ${spans.slice(-maxSpans).map((each) => `${local(each.from)} to ${local(each.to)}`).join(', ')}${spans.length > maxSpans ? `, and ${spans.length - maxSpans} earlier ones` : ''}; take one of them with --since and --until, or replay the gateway's own history`)
  if (since < from - 60_000 || until > to + day) throw new ConfigError('BACKTEST_RANGE', `asked for ${local(since)} to ${local(until)}, but what can be replayed is ${local(from)} to ${local(to)} (${lengthText(to - from)}); leave --since out for all of it, or raise history.rawDays and history.maxBytes`)
  return { since: Math.max(since, from), until: Math.min(until, to + 1), span: { from, to } }
}

function momentOf(text: string, now: EpochMs): EpochMs {
  const [, count, unit] = /^(\d+(?:\.\d+)?)(s|m|h|d)$/.exec(text) ?? []
  if (count !== undefined) return now - Number(count) * { s: 1_000, m: 60_000, h: 3_600_000, d: day }[unit as 's' | 'm' | 'h' | 'd']
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN
  if (Number.isNaN(at)) throw new ConfigError('BACKTEST_USAGE', `"${text}" is no time; write 7d, 12h or 2026-11-25T08:00`)
  return at
}

const local = (at: EpochMs): string => new Date(at).toLocaleString('sv-SE')
const shown = 200

export function renderBacktest({ source, approximate, span, since, until, warmFrom, cold, variants }: BacktestAnswer, withTransitions: boolean): string {
  const [first, second] = variants
  return [
    `replayed ${local(since)} to ${local(until)} (${lengthText(until - since)}) from ${source}; it holds ${local(span.from)} to ${local(span.to)}`,
    ...(warmFrom < since ? [paint('gray', `windows were filled from ${local(warmFrom)} on`)] : []),
    ...(cold ? [paint('yellow', 'the first part is cold: there is less before it than windows and waits look back, so the first alerts may differ')] : []),
    ...(approximate === undefined ? [] : [paint('yellow', 'near, not exact:'), ...approximate.map((why) => paint('yellow', `- ${why}`))]),
    '',
    second ? comparison(first!, second) : totals(first!),
    ...variants.flatMap(({ name, failed }) => failed.map((rule) => paint('red', `rule "${rule}" failed and was set aside${second ? ` (${name})` : ''}`))),
    ...(withTransitions ? variants.flatMap(({ name, transitions }) => ['', ...(second ? [paint('bold', name)] : []), ...transitions.slice(0, shown).map(transitionLine), ...(transitions.length > shown ? [`… and ${transitions.length - shown} more; --json has up to ${maxListed}`] : [])]) : []),
  ].join('\n')
}

const cells = ({ alerts, raisedMs, longestMs, raised, unknown, writes, messages }: RuleTotals): readonly string[] => [String(alerts), raisedMs > 0 ? lengthText(raisedMs) : '–', longestMs > 0 ? `${lengthText(longestMs)}${raised ? ' (still)' : ''}` : '–', String(writes), String(messages), String(unknown)]

function totals({ rules }: Trial): string {
  return rules.length === 0 ? 'the site file has no rules' : table([['RULE', 'ALERTS', 'RAISED FOR', 'LONGEST', 'WRITES', 'MESSAGES', 'DATA MISSING'], ...rules.map((each) => [each.rule, ...cells(each)])])
}

/** "14 alerts; with for: 60s, 3" for each rule that does something in either. */
function comparison(before: Trial, after: Trial): string {
  const names = [...new Set([...before.rules, ...after.rules].map(({ rule }) => rule))]
  const of = ({ rules }: Trial, name: string): RuleTotals | undefined => rules.find(({ rule }) => rule === name)
  const rows = names.map((name) => {
    const [a, b] = [of(before, name), of(after, name)]
    const pair = (key: 'alerts' | 'writes' | 'messages' | 'unknown'): string => { const [was, is] = [a?.[key] ?? 0, b?.[key] ?? 0]; return was === is ? String(was) : `${was} → ${is < was ? paint('green', String(is)) : paint('yellow', String(is))}` }
    const time = `${a?.raisedMs ? lengthText(a.raisedMs) : '–'}${(a?.raisedMs ?? 0) === (b?.raisedMs ?? 0) ? '' : ` → ${b?.raisedMs ? lengthText(b.raisedMs) : '–'}`}`
    return [name, pair('alerts'), time, pair('writes'), pair('messages'), pair('unknown')]
  })
  const sum = ({ rules }: Trial): number => rules.reduce((all, { alerts }) => all + alerts, 0)
  return `${table([['RULE', 'ALERTS', 'RAISED FOR', 'WRITES', 'MESSAGES', 'DATA MISSING'], ...rows])}\n\n${before.name}: ${sum(before)} alerts; ${after.name}: ${sum(after)}`
}

function transitionLine({ at, kind, rule, key, severity, value }: Transition): string {
  const what = kind === 'raise' ? paint('red', `raise ${severity}`) : kind === 'clear' ? paint('green', 'clear') : kind
  return `${new Date(at).toISOString()}  ${what}  ${key}${value === undefined ? '' : ` = ${JSON.stringify(value)}`}${key === rule ? '' : `  (${rule})`}`
}
