import path from 'node:path'
import { check } from '../../../firmware-config/site/check.ts'
import { readDocument, type SourceDocument } from '../../../firmware-config/site/document.ts'
import { isObject } from '../../../firmware-config/site/plain.ts'
import { Problems } from '../../../firmware-config/site/problems.ts'
import { casesSchema, facilityOfCases, tryCase, type CaseDecisions, type CaseFile } from '../../../rules/cases.ts'
import type { RuleDecisions } from '../../../rules/index.ts'
import { reviewRules } from '../../../rules/review.ts'
import { decisionSchemas } from '../../../rules/site.ts'
import type { Facility } from '../../contract/index.ts'
import { didYouMean } from '../../kit/suggest.ts'
import { paint, print, printJson } from '../output.ts'
import { readSite } from '../rooms.ts'

export interface TestCommand { readonly site?: string; readonly json?: boolean }

/** Of one case. `line`: where it, or what was expected, stands in the file. */
export interface CaseAnswer {
  readonly name: string
  readonly passed: boolean
  readonly line: number
  readonly missing: readonly { readonly text: string; readonly line: number; readonly instead?: string }[]
  readonly unexpected: readonly string[]
}

const timezone = 'Asia/Shanghai'

/** `linli rules test FILE`: exit code 1 when a case fails. Throws SiteError for a file that is wrong. */
export async function testRules(file: string, options: TestCommand): Promise<void> {
  const answers = await runCases(file, options.site)
  const failed = answers.filter(({ passed }) => !passed).length
  if (failed > 0) process.exitCode = 1
  if (options.json) return printJson({ file, cases: answers.length, failed, answers })
  for (const answer of answers) print(renderCase(file, answer))
  print(failed === 0 ? paint('green', `${answers.length} case${answers.length === 1 ? '' : 's'}, all passed`) : paint('red', `${answers.length} case${answers.length === 1 ? '' : 's'}, ${failed} failed`))
}

export function renderCase(file: string, { name, passed, line, missing, unexpected }: CaseAnswer): string {
  if (passed) return `${paint('green', '✓')} ${name}`
  return [
    `${paint('red', '✗')} ${name}  ${file}:${line}`,
    ...missing.map(({ text, line: at, instead }) => `    expected ${text}  ${file}:${at}${instead === undefined ? '; it did not come' : `; it came at ${instead}`}`),
    ...unexpected.map((text) => `    not expected: ${text}`),
  ].join('\n')
}

export async function runCases(file: string, site?: string): Promise<readonly CaseAnswer[]> {
  const problems = new Problems()
  const document = await readDocument(file, problems)
  const cases = document ? check(casesSchema, document.value, problems.in(document))?.data : undefined
  problems.throwIfAny(file)
  const { decisions, facility } = await groundOf(cases!, document!, site ?? (cases!.site === undefined ? undefined : path.resolve(path.dirname(file), cases!.site)), problems)
  reportNames(cases!, document!, facility, problems)
  problems.throwIfAny(file)
  const line = (...at: readonly (string | number)[]): number => document!.locate(['cases', ...at], 'value').line
  return cases!.cases.map((each, index) => {
    const { name, missing, unexpected } = tryCase(decisions, facility, each)
    return { name, passed: missing.length + unexpected.length === 0, line: line(index, 'name'), missing: missing.map(({ index: at, ...rest }) => ({ ...rest, line: line(index, 'then', at) })), unexpected }
  })
}

/** The site file's points, or those of the file; the file's own rules go before the site's. */
async function groundOf(cases: CaseFile, document: SourceDocument, site: string | undefined, problems: Problems): Promise<{ readonly decisions: CaseDecisions; readonly facility: Facility }> {
  const read = site === undefined ? undefined : await readSite(site)
  const facility = read ? read.facility : facilityOfCases(cases, timezone)
  if (read && !cases.rules && !cases.scenes) return { decisions: read.decisions, facility }
  const report = problems.in(document)
  const root = isObject(document.value) ? document.value : {}
  const of = <K extends keyof RuleDecisions>(key: K): RuleDecisions[K] => check(decisionSchemas[key], root[key], report, [key])?.data as RuleDecisions[K]
  const decisions: RuleDecisions = { rules: of('rules'), scenes: of('scenes'), schedules: of('schedules'), calendar: of('calendar') }
  problems.throwIfAny(document.file)
  // Channels are named by the site file; without one any may be.
  for (const { path: at, offset, message, warning } of reviewRules({ ...decisions, channels: read?.decisions.channels ?? null }, facility)) if (!warning) report(at, message, offset ?? 'value')
  problems.throwIfAny(document.file)
  return { decisions, facility }
}

const words = new Set(['at', 'wait', 'occurrence', 'device', 'state', 'reason'])

/** A misspelt point would never speak, and the case would pass for the wrong reason. */
function reportNames({ cases }: CaseFile, document: SourceDocument, { points, devices }: Facility, problems: Problems): void {
  const point = (at: readonly (string | number)[], id: string): void => {
    const found = points.get(id)
    if (!found) problems.in(document)(at, () => `no point "${id}"${didYouMean(id, points.keys())}`, 'key')
  }
  const device = (at: readonly (string | number)[], id: string | undefined): void => {
    if (id !== undefined && !devices.has(id)) problems.in(document)(at, () => `no device "${id}"${didYouMean(id, devices.keys())}`)
  }
  cases.forEach(({ given, when }, index) => {
    for (const id of Object.keys(given)) point(['cases', index, 'given', id], id)
    when.forEach((entry, step) => {
      const at = ['cases', index, 'when', step]
      for (const id of Object.keys(entry)) if (!words.has(id)) point([...at, id], id)
      device([...at, 'device'], entry.device)
      device([...at, 'occurrence', 'device'], entry.occurrence?.device)
    })
  })
}
