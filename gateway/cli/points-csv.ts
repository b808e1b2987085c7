import { open } from 'node:fs/promises'
import { exportPoints, importPoints, type Import, type PointChange } from '../../firmware-config/points-csv/index.ts'
import { SiteError } from '../../firmware-config/site/index.ts'
import { codeOf, ConfigError, describe } from '../kit/index.ts'
import { replaceOwned } from '../kit/durable-file.ts'
import { paint, print, printJson } from './output.ts'
import { roomSchemas } from './rooms.ts'

/** `linli points export`: to a new file, or to standard output. */
export async function exportTable(site: string, { out }: { readonly out?: string }): Promise<void> {
  const { csv, points } = await exportPoints(site, roomSchemas)
  if (out === undefined) { process.stdout.write(csv); return }
  await writeNew(out, csv)
  print(`${out}: ${points} point${points === 1 ? '' : 's'}`)
}

export interface ImportTableOptions { readonly out?: string; readonly inPlace?: boolean; readonly remove?: boolean; readonly dryRun?: boolean; readonly json?: boolean }

/** `linli points import`: shows what changes, and writes where it is told to. */
export async function importTable(site: string, csv: string, { out, inPlace, remove, dryRun, json }: ImportTableOptions): Promise<void> {
  if (out !== undefined && inPlace) throw new ConfigError('POINTS_TARGET', 'give --out or --in-place, not both')
  const result = await importPoints(site, csv, roomSchemas, { remove: remove === true }).catch((error: unknown) => {
    if (!(error instanceof SiteError)) throw error
    refuse(error, json)
    return null
  })
  if (!result) return
  const target = dryRun ? null : out ?? (inPlace ? site : null)
  const write = target !== null && (out !== undefined || result.changes.length > 0)
  if (write) await (out === undefined ? changeSite(site, result.text) : writeNew(out, result.text))
  if (json) return printJson({ ok: true, ...summary(result), written: write ? target : null })
  tell(result)
  if (write) print(paint('green', out === undefined ? `${site} is changed; the old one is ${site}.bak` : `${out} is written; ${site} is as it was`))
  else if (!dryRun && result.changes.length > 0) print(paint('yellow', 'nothing was written: give --in-place, or --out NEW.yaml'))
}

function refuse(error: SiteError, json = false): void {
  process.exitCode = 1
  if (json) return printJson({ ok: false, problems: error.problems })
  const { length } = error.problems
  process.stderr.write(`${error.problems.map(({ text }) => text).join('\n')}\n${paint('red', `${length} problem${length === 1 ? '' : 's'}; nothing was written`, process.stderr)}\n`)
}

const idOf = ({ device, point }: PointChange): string => `${device.id}.${point}`

function summary({ changes, unchanged, absent }: Import) {
  const of = (kind: PointChange['kind']): readonly string[] => changes.filter((change) => change.kind === kind).map(idOf)
  return { added: of('added'), changed: of('changed'), removed: of('removed'), unchanged, absent }
}

/** More lines than this nobody reads; the counts below them are complete. */
const shownChanges = 50

function tell(result: Import): void {
  for (const change of result.changes.slice(0, shownChanges)) print(line(change))
  if (result.changes.length > shownChanges) print(`  and ${result.changes.length - shownChanges} more`)
  const { added, changed, removed, unchanged, absent } = summary(result)
  print(`${added.length} added, ${changed.length} changed, ${removed.length} removed, ${unchanged} as they were`)
  if (absent.length > 0) print(paint('yellow', `${absent.length} point${absent.length === 1 ? ' is' : 's are'} not in the table and stay${absent.length === 1 ? 's' : ''}: ${absent.slice(0, 5).join(', ')}${absent.length > 5 ? ', …' : ''}`))
}

function line(change: PointChange): string {
  const { kind, set, unset, before, device, point } = change
  if (kind === 'added') return paint('green', `+ ${idOf(change)}  ${Object.entries(set).map(([key, value]) => `${key} ${show(value)}`).join(', ')}`)
  if (kind === 'removed') return paint('red', `- ${idOf(change)}`)
  const inherited = device.inherited[point] ?? {}
  const parts = [...Object.entries(set).map(([key, value]) => `${key} ${show(before[key])} → ${show(value)}`), ...unset.map((key) => `${key} ${show(before[key])} → ${key in inherited ? show(inherited[key]) : 'default'}`)]
  return `~ ${idOf(change)}  ${parts.join(', ')}`
}

const show = (value: unknown): string => (value === undefined ? 'default' : typeof value === 'object' ? JSON.stringify(value) : String(value))

async function writeNew(file: string, text: string): Promise<void> {
  try {
    await using handle = await open(file, 'wx')
    await handle.writeFile(text)
    await handle.sync()
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST') throw new ConfigError('POINTS_TARGET', `${file} exists and is not overwritten; remove it, or choose another name`, { cause })
    throw new ConfigError('POINTS_TARGET', `${file} cannot be written (${describe(cause)})`, { cause })
  }
}

/** All or nothing, and the old file stays beside it. */
async function changeSite(site: string, text: string): Promise<void> {
  try {
    await replaceOwned(site, text, { backup: true })
  } catch (cause) {
    throw new ConfigError('POINTS_TARGET', `${site} cannot be changed (${describe(cause)}); it is as it was`, { cause })
  }
}
