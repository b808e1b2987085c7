import path from 'node:path'
import { didYouMean, lintProfile, ProfileLibrary, shippedProfiles, SiteError, type LintedProfile } from '../../firmware-config/site/index.ts'
import type { PointConfig } from '../contract/index.ts'
import { ConfigError } from '../kit/index.ts'
import { paint, print, printJson, table } from './output.ts'
import { roomSchemas } from './rooms.ts'

export interface ProfilesOptions { readonly folder?: string; readonly lint?: boolean; readonly json?: boolean }

/** `linli profiles`: all of them; with a name, one explained; `--lint`: what is wrong with them. */
export async function profiles(name: string | undefined, { folder, lint, json }: ProfilesOptions): Promise<void> {
  const library = await ProfileLibrary.open([...(folder ? [path.resolve(folder)] : [path.resolve('profiles')]), shippedProfiles])
  if (name !== undefined && !library.file(name)) throw new ConfigError('PROFILE_UNKNOWN', `no profile "${name}"${didYouMean(name, library.names()) || '; linli profiles lists them'}; put your own in a folder profiles/ beside the site file`)
  const names = name === undefined ? library.names().toSorted() : [name]
  const linted = await Promise.all(names.map((each) => lintProfile(library.file(each)!, roomSchemas.drivers)))
  const problems = linted.flatMap((each) => each.problems)
  if (lint && problems.length > 0 && !json) throw new SiteError(problems)
  if (json) { if (lint && problems.length > 0) process.exitCode = 1; return printJson(linted.map((each) => ({ ...each.profile, file: each.file, problems: each.problems }))) }
  if (lint) return print(`${linted.length} profile${linted.length === 1 ? '' : 's'}, no problem`)
  print(name === undefined ? list(linted) : explain(linted[0]!))
}

function list(linted: readonly LintedProfile[]): string {
  return table([['PROFILE', 'NAME', 'DRIVER', 'POINTS', 'VERIFIED'], ...linted.map(({ file, profile, points, problems }) => (profile
    ? [profile.profile, `${profile.name.zh} / ${profile.name.en}`, profile.driver, String(points.length), profile.verified]
    : [path.basename(file, '.yaml'), paint('red', problems[0]?.message ?? 'unreadable'), '', '', '']))])
}

function explain({ profile, points, problems, file }: LintedProfile): string {
  if (!profile) return problems.map(({ text }) => text).join('\n')
  return [
    `${paint('bold', profile.profile)}  ${profile.name.zh} / ${profile.name.en}  driver ${profile.driver}  verified: ${profile.verified}`,
    ...profile.source.map((source) => `source: ${source}`),
    ...profile.notes.map((note) => paint('yellow', `note: ${note}`)),
    `file: ${file}`, '',
    table([['POINT', 'NAME', 'TYPE', 'UNIT', 'ADDRESS', 'SCALE', 'POLL', 'DEADBAND', ''], ...points.map(row)]),
  ].join('\n')
}

function row(point: PointConfig): string[] {
  const address = Object.entries(point.address as object).filter(([, value]) => value !== undefined && value !== false && value !== 'big' && value !== '').map(([key, value]) => `${key} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
  const marks = [point.writable ? 'writable' : '', point.urgent ? 'urgent' : '', point.sentinels.length > 0 ? `no value: ${point.sentinels.join(', ')}` : ''].filter(Boolean)
  return [point.id.slice(point.deviceId.length + 1), `${point.name.zh} / ${point.name.en}`, point.type, point.unit ?? '', address.join(', '), point.scale === 1 ? '' : String(point.scale), `${point.pollMs} ms`, point.deadband === 0 ? '' : String(point.deadband), marks.join(', ')]
}
