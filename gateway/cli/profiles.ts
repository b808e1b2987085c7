import path from 'node:path'
import { lintProfile, ProfileLibrary, shippedProfiles, SiteError, type LintedProfile } from '../../firmware-config/site/index.ts'
import { didYouMean } from '../kit/suggest.ts'
import type { PointConfig } from '../contract/index.ts'
import { ConfigError } from '../kit/index.ts'
import { paint, print, printJson, table } from './output.ts'
import { roomSchemas } from './rooms.ts'

export interface ProfilesOptions { readonly folder?: string; readonly driver?: string; readonly lint?: boolean; readonly json?: boolean }

/** `linli profiles`: all of them, or those with all the words in them; a single word that is a name: that one explained; `--lint`: what is wrong with them. */
export async function profiles(words: readonly string[], { folder, driver, lint, json }: ProfilesOptions): Promise<void> {
  const drivers = Object.keys(roomSchemas.drivers)
  if (driver !== undefined && !drivers.includes(driver)) throw new ConfigError('PROFILE_UNKNOWN', `no driver "${driver}"${didYouMean(driver, drivers) || `; there are ${drivers.join(', ')}`}`)
  const library = await ProfileLibrary.open([path.resolve(folder ?? 'profiles'), shippedProfiles])
  const name = words.length === 1 && library.file(words[0]!) ? words[0] : undefined
  const all = await Promise.all((name === undefined ? library.names().toSorted() : [name]).map((each) => lintProfile(library.file(each)!, roomSchemas.drivers)))
  const found = all.filter((each) => name !== undefined || ((driver === undefined || each.profile?.driver === driver) && words.every((word) => mentions(each, word))))
  if (found.length === 0) throw new ConfigError('PROFILE_UNKNOWN', `no profile${words.length > 0 ? ` "${words.join(' ')}"` : ''}${driver ? ` for driver ${driver}` : ''}${didYouMean(words.join(' '), library.names()) || '; linli profiles lists them'}; put your own in a folder profiles/ beside the site file`)
  const problems = found.flatMap((each) => each.problems)
  if (lint && problems.length > 0 && !json) throw new SiteError(problems)
  if (json) { if (lint && problems.length > 0) process.exitCode = 1; return printJson(found.map((each) => ({ ...each.profile, file: each.file, problems: each.problems }))) }
  if (lint) return print(`${found.length} profile${found.length === 1 ? '' : 's'}, no problem`)
  print(name === undefined ? list(found) : explain(found[0]!))
}

/** Case aside: in its name, driver, sources, notes, or the name of a point. */
function mentions({ file, profile }: LintedProfile, word: string): boolean {
  const text = [path.basename(file, '.yaml'), profile?.name.zh, profile?.name.en, profile?.driver, ...profile?.source ?? [], ...profile?.notes ?? [], ...Object.keys(profile?.points ?? {})]
  return text.some((each) => each?.toLowerCase().includes(word.toLowerCase()))
}

function list(linted: readonly LintedProfile[]): string {
  return table([['PROFILE', 'NAME', 'DRIVER', 'POINTS', 'VERIFIED'], ...linted.map(({ file, profile, points, problems }) => (profile
    ? [profile.profile, `${profile.name.zh} / ${profile.name.en}`, profile.driver, String(points.length), profile.verified]
    : [path.basename(file, '.yaml'), paint('red', problems[0]?.message ?? 'unreadable'), '', '', '']))])
}

const verified = { 'open-source': 'read in another open-source project, not checked against manual or device', manual: "checked against the maker's manual", hardware: 'seen on a device' } as const

function explain({ profile, points, problems, file }: LintedProfile): string {
  if (!profile) return problems.map(({ text }) => text).join('\n')
  const quirks = Object.entries(profile.device).filter(([, value]) => typeof value !== 'object').map(([key, value]) => `${key} ${String(value)}`)
  return [
    `${paint('bold', profile.profile)}  ${profile.name.zh} / ${profile.name.en}  driver ${profile.driver}`,
    `verified: ${profile.verified} (${verified[profile.verified]})`,
    ...profile.source.map((source) => `source: ${source}`),
    ...(quirks.length > 0 ? [`quirks: ${quirks.join(', ')}`] : []),
    ...profile.notes.map((note) => paint('yellow', `note: ${note}`)),
    `file: ${file}`, '',
    table([['POINT', 'NAME', 'TYPE', 'UNIT', 'SCALE', 'POLL', 'DEADBAND', 'RANGE', 'ADDRESS', ''], ...points.map((point) => row(point, profile.driver))]),
    ...(problems.length > 0 ? ['', paint('red', `${problems.length} problem${problems.length === 1 ? '' : 's'}: linli profiles ${profile.profile} --lint`)] : []),
  ].join('\n')
}

function row(point: PointConfig, driver: string): string[] {
  const address = Object.entries(point.address as object).filter(([, value]) => value !== undefined && value !== false && value !== 'big' && value !== '').map(([key, value]) => `${key} ${cell(key, value)}`)
  const marks = [point.writable ? 'writable' : '', point.urgent ? 'urgent' : '', point.sentinels.length > 0 ? `no value: ${point.sentinels.join(', ')}` : ''].filter(Boolean)
  return [point.id.slice(point.deviceId.length + 1), `${point.name.zh} / ${point.name.en}`, point.type, point.unit ?? '', point.scale === 1 ? '' : String(point.scale), driver === 'modbus' ? every(point.pollMs) : '', point.deadband === 0 ? '' : String(point.deadband), range(point), address.join(', '), marks.join(', ')]
}

const range = ({ min, max }: PointConfig): string => (min === undefined && max === undefined ? '' : `${min ?? ''}…${max ?? ''}`)
/** Manuals write registers in hexadecimal as often as not: both. */
const cell = (key: string, value: unknown): string => (key === 'register' && Number(value) > 9 ? `${String(value)} (0x${Number(value).toString(16).toUpperCase()})` : typeof value === 'object' ? JSON.stringify(value) : String(value))
const every = (ms: number): string => (ms % 3_600_000 === 0 ? `${ms / 3_600_000} h` : ms % 60_000 === 0 ? `${ms / 60_000} min` : ms % 1_000 === 0 ? `${ms / 1_000} s` : `${ms} ms`)
