import { readFile } from 'node:fs/promises'
import { planChange, versionOf } from '../../../firmware-config/apply/index.ts'
import { SiteError } from '../../../firmware-config/site/index.ts'
import { currentVersion } from '../../../firmware-config/site/migrations/index.ts'
import { migrate, type AppliedChange, type Migrated } from '../../../firmware-config/site/migrations/migrate.ts'
import { writeMigrated } from '../../../firmware-config/site/migrations/write.ts'
import { formatPath } from '../../../firmware-config/site/problems.ts'
import { hasTerminal, languageOfTerminal, openTerminal } from '../ask/terminal.ts'
import { ConfigError } from '../../kit/index.ts'
import { paint, print, printJson } from '../output.ts'
import { readSite } from '../rooms.ts'

export interface MigrateCommand { readonly yes?: boolean; readonly json?: boolean }

/** `linli migrate`: a site file of an older version, written as one of today. With --json and without --yes nothing is written; exit code 2 where something would be. */
export async function migrateSite(file: string, { yes = false, json = false }: MigrateCommand): Promise<void> {
  const found = await checked(file).catch((error: unknown) => { if (!json || !(error instanceof SiteError)) throw error; process.exitCode = 1; return printJson({ ok: false, problems: error.problems }) })
  if (!found) return
  const { before, migrated } = found
  if (migrated === null) return json ? printJson({ ok: true, from: currentVersion, to: currentVersion, changes: [], written: false, backup: null }) : print(paint('green', `${file} is of version ${currentVersion}, the present one; there is nothing to do`))
  if (!json) show(file, before, migrated)
  const wanted = yes || (!json && await agreed(file))
  const backup = wanted ? await writeMigrated(file, { before, text: migrated.text, from: migrated.from }) : null
  if (!wanted) process.exitCode = json ? 2 : 1
  const { from, to, changes } = migrated
  if (json) return printJson({ ok: true, from, to, changes: changes.map(told), written: wanted, backup })
  if (backup === null) return print(paint('yellow', 'nothing was written; it goes on being read as it is. --yes writes without asking'))
  print(`${paint('green', `${file} is of version ${to} now`)}; a running gateway goes on with it as it is.\nThe old one is ${backup}. To take it back: cp ${backup} ${file}`)
}

/** `migrated` null: it is of the present version. Throws SiteError for what is wrong with it, at its own lines. */
async function checked(file: string): Promise<{ readonly before: string; readonly migrated: Migrated | null }> {
  const site = await readSite(file)
  const before = await readFile(file, 'utf8')
  const text = before.replace(/^\uFEFF/, '')
  const migrated = migrate(text)
  // What the gateway runs with may not change by it: read anew, as the next start will.
  if (migrated && !planChange(versionOf(site, text), versionOf(await readSite(file, { text: migrated.text }), migrated.text)).same) throw new ConfigError('MIGRATE_DIFFERS', `${file} would mean something else as version ${currentVersion}; nothing was written. Please report it, with linli support-bundle ${file}`)
  return { before, migrated }
}

function show(file: string, before: string, { from, to, changes, text }: Migrated): void {
  print(`${file} is of version ${from}. As version ${to} it says the same; this is written otherwise, and all else stays as it is, comments too:`)
  for (const change of changes.map(told)) print(`  ${paint('red', `${change.path}: ${change.before}`)}  →  ${paint('green', `${change.to}: ${change.after}`)}   ${change.why}`)
  const [old, fresh] = [before.replace(/^\uFEFF/, '').split(/\r?\n/), text.split(/\r?\n/)]
  print('')
  for (const [index, line] of old.entries()) if (line !== fresh[index]) print(`${String(index + 1).padStart(5)} ${paint('red', `- ${line}`)}\n      ${paint('green', `+ ${fresh[index] ?? ''}`)}`)
}

interface Told { readonly path: string; readonly before: string; readonly to: string; readonly after: string; readonly why: string }
const told = ({ path, before, to, after, why }: AppliedChange): Told => ({ path: formatPath(path), before: shown(before), to: formatPath(to), after: shown(after), why })
const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

async function agreed(file: string): Promise<boolean> {
  if (!hasTerminal()) return false
  const { put } = await openTerminal(languageOfTerminal, 'give --yes')
  const reply = await put({ kind: 'yes', ask: { zh: `改写 ${file} 吗（旧文件保留）`, en: `Write ${file} (the old one is kept)` }, initial: false })
  return typeof reply !== 'string' && reply.answer === true
}
