import type { DriverSchemas, PointConfig } from '../../gateway/contract/index.ts'
import { readDocument } from './document.ts'
import { readProfilePoints } from './devices.ts'
import { check } from './check.ts'
import { Problems, type Report, type SiteProblem } from './problems.ts'
import { profileSchema, type Profile } from './schema.ts'
import { didYouMean } from './suggest.ts'
import { ucumCodes } from './ucum.ts'

export interface LintedProfile { readonly file: string; readonly profile: Profile | null; readonly points: readonly PointConfig[]; readonly problems: readonly SiteProblem[] }

/**
 * Everything that can be said of a profile without its device: schema and addresses as a site file would find them, and what makes a
 * profile a good one. `file` is a YAML file.
 */
export async function lintProfile(file: string, drivers: Readonly<Record<string, DriverSchemas>>): Promise<LintedProfile> {
  const problems = new Problems()
  const document = await readDocument(file, problems)
  if (!document) return { file, profile: null, points: [], problems: problems.sorted() }
  const report = problems.in(document)
  const profile = check(profileSchema, document.value, report)?.data ?? null
  if (!profile) return { file, profile, points: [], problems: problems.sorted() }
  const schemas = Object.hasOwn(drivers, profile.driver) ? drivers[profile.driver] : undefined
  if (!schemas) {
    report(['driver'], () => `no driver "${profile.driver}"${didYouMean(profile.driver, Object.keys(drivers)) || `; there are ${Object.keys(drivers).join(', ')}`}`)
    return { file, profile, points: [], problems: problems.sorted() }
  }
  const name = file.split('/').at(-1)!.replace(/\.yaml$/, '')
  if (profile.profile !== name) report(['profile'], `the file is called ${name}.yaml; write profile: ${name}`)
  if (!/\p{Script=Han}/u.test(profile.name.zh)) report(['name', 'zh'], 'the Chinese name has no Chinese in it')
  const points = readProfilePoints(profile, schemas, report)
  for (const point of points) lintPoint(point, report)
  lintOverlaps(points, report)
  return { file, profile, points, problems: problems.sorted() }
}

const counts = /energy|volume|counter|seq$/

function lintPoint(point: PointConfig, report: Report): void {
  const name = point.id.slice(point.deviceId.length + 1)
  const at = ['points', name]
  if (point.unit !== undefined && !ucumCodes.has(point.unit)) report([...at, 'unit'], () => `"${point.unit}" is no UCUM code we know${didYouMean(point.unit!, [...ucumCodes])}; Cel, %, V, A, W, kW.h, m3 and 1 are`)
  if (point.type !== 'number' && point.unit !== undefined) report([...at, 'unit'], `a ${point.type} has no unit`)
  if (point.cityWrite) report([...at, 'cityWrite'], 'a profile never lets the city write; that is for the site file')
  if (point.type !== 'number') return
  if (counts.test(name) && point.deadband > 0) report([...at, 'deadband'], 'a counter that only rises must not hide its small steps: deadband 0')
  if (!counts.test(name) && point.deadband === 0 && point.unit !== '1') report(at, 'a measured value without a deadband floods the city: set the smallest change that matters', 'key')
}

/** Two points on the same registers are a typing error more often than a wish. */
function lintOverlaps(points: readonly PointConfig[], report: Report): void {
  const seen = new Map<string, string>()
  for (const { id, deviceId, address } of points) {
    const name = id.slice(deviceId.length + 1)
    const key = JSON.stringify(address)
    const other = seen.get(key)
    if (other) report(['points', name], `reads the same place as point "${other}"`, 'key')
    else seen.set(key, name)
  }
}
