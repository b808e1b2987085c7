import type { ChangeLine, ChangePlan, ChangeView, Configuration } from '../../contract/index.ts'
import { paint } from '../output.ts'

const sign: Readonly<Record<ChangeLine['what'], string>> = { added: paint('green', '+'), removed: paint('red', '-'), changed: paint('yellow', '~') }
const shownFields = 12

/** The text of `linli plan`. */
export function planText(plan: ChangePlan): string {
  const warnings = plan.warnings.map((warning) => paint('yellow', `warning: ${warning}`))
  if (plan.same) return [paint('green', 'nothing changes'), ...warnings].join('\n')
  const { kept, restarted, opened, closed } = plan.connections
  const some = (ids: readonly string[]): string => (ids.length === 0 ? 'none' : ids.join(', '))
  return [
    plan.lines.map(lineText).join('\n'),
    `connections: keep their sessions ${some(kept)}; restart ${some(restarted)}; new ${some(opened)}; gone ${some(closed)}`,
    section('the city will see', plan.city.map(({ en }) => en)),
    section('people here will notice', plan.staff.map(({ en }) => en)),
    section('take care', plan.risks.map(({ kind, text }) => (kind === 'care' ? text.en : paint('red', kind === 'loss' ? `for good: ${text.en}` : `refused: ${text.en}`)))),
    warnings.join('\n'),
  ].filter((block) => block !== '').join('\n\n')
}

function lineText({ area, id, name, what, fields }: ChangeLine): string {
  const head = `${sign[what]} ${area}${id === '' ? '' : ` ${id}`}${name ? `  ${name.zh} / ${name.en}` : ''}`
  const shown = fields.slice(0, shownFields).map(({ path, before, after }) => `    ${path}: ${what === 'changed' ? `${before ?? '(not set)'} → ${after ?? '(not set)'}` : after ?? before}`)
  return [head, ...shown, ...(fields.length > shownFields ? [`    … and ${fields.length - shownFields} more`] : [])].join('\n')
}

const section = (title: string, lines: readonly string[]): string => (lines.length === 0 ? '' : `${paint('bold', title)}\n${lines.map((line) => `  ${line}`).join('\n')}`)

/** `in force: 4 (confirmed)`, and what is on trial. */
export function stateText({ file, inForce, trial, edited, configurations }: ChangeView): string {
  const entry = configurations.find(({ number }) => number === inForce)
  const lines = [trial
    ? `${paint('yellow', `configuration ${trial.number} is on trial`)}, ${Math.ceil(trial.leftMs / 1_000)} s left; ${trial.confirm === 'person' ? `it is taken back to ${trial.previous} unless you confirm it: linli confirm` : 'it stays by itself if all is well then'}`
    : `configuration ${paint('green', String(inForce))} is in force (${entry?.outcome ?? 'unknown'})`]
  for (const { text, code } of trial?.findings ?? []) lines.push(paint('red', `  not well: ${text.en} (${code})`))
  if (edited) lines.push(paint('yellow', `${file} was changed by hand since the gateway read it; linli apply ${file} puts it into force`))
  return lines.join('\n')
}

export const configurationRow = (entry: Configuration, inForce: number): readonly string[] => [
  `${entry.number}${entry.number === inForce ? ' *' : ''}`, new Date(entry.at).toLocaleString('sv-SE'), entry.origin === 'file' ? 'file' : `${entry.by || '?'} (${entry.origin})`, entry.outcome, entry.reason, entry.note ?? '',
]
