import type { DriverSchemas, PointConfig } from '../../gateway/contract/index.ts'
import { check } from './check.ts'
import { readProfilePoints } from './devices.ts'
import { readDocument } from './document.ts'
import { Problems, type Report, type SiteProblem } from './problems.ts'
import { lintAddresses } from './profile-address-lint.ts'
import { lintName, lintPoint } from './profile-point-lint.ts'
import { profileSchema, type Profile } from './schema.ts'
import { didYouMean } from '../../gateway/kit/suggest.ts'

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
  lintHead(profile, file, report)
  lintDevice(profile, schemas, report)
  const points = readProfilePoints(profile, schemas, report)
  if (Object.keys(profile.points).length === 0 && !Object.hasOwn(profile.device, 'occurrences')) report(['points'], 'a profile without points says nothing; give it at least one')
  for (const point of points) lintPoint(point, profile.points[point.id.slice(point.deviceId.length + 1)]!, report)
  lintAddresses(points, report)
  lintIdentify(profile, schemas, report)
  return { file, profile, points, problems: problems.sorted() }
}

function lintHead(profile: Profile, file: string, report: Report): void {
  const name = file.split('/').at(-1)!.replace(/\.yaml$/, '')
  if (profile.profile !== name) report(['profile'], `the file is called ${name}.yaml; write profile: ${name}`)
  if (!/^[a-z0-9-]{1,48}$/.test(name)) report(['profile'], 'a profile is called by 1 to 48 of a-z, 0-9 and -; rename the file')
  lintName(profile.name, ['name'], report)
  if (profile.verified === 'manual' && !profile.source.some((source) => /manual|guide|data ?sheet|protocol|handbook|documentation|docs|https?:|[a-z0-9-]\.(io|com|org|net|cn|cloud)\b|手册|说明书|规格书|协议|文档/i.test(source))) report(['source'], 'verified: manual, and no source names the manual; add its title, edition and page')
}

/** What identifies the model, where the driver can look for it. */
function lintIdentify({ driver, identify }: Profile, schemas: DriverSchemas, report: Report): void {
  for (const [index, entry] of identify.entries()) {
    if (!schemas.identify) { report(['identify', index], `driver ${driver} looks for no devices, so this says nothing; leave it out`); continue }
    for (const { path, message } of schemas.identify.safeParse(entry).error?.issues ?? []) report(['identify', index, ...path.map((key) => (typeof key === 'symbol' ? String(key) : key))], message)
  }
}

/** Quirks that say nothing, and what only a site can know. */
function lintDevice(profile: Profile, schemas: DriverSchemas, report: Report): void {
  const tables = new Set(Object.values(profile.points).map(({ table }) => table))
  for (const [key, value] of Object.entries(profile.device)) {
    const schema = Object.hasOwn(schemas.device.shape, key) ? schemas.device.shape[key] : undefined
    if (!schema) { report(['device', key], () => `driver ${profile.driver} has no device key "${key}"${didYouMean(key, Object.keys(schemas.device.shape))}`, 'key'); continue }
    if (siteKeys.has(key)) { report(['device', key], `${key} is different at every site; it belongs to the device in the site file`, 'key'); continue }
    const [given, usual] = [schema.safeParse(value), schema.safeParse(undefined)]
    if (given.success && usual.success && usual.data !== undefined && JSON.stringify(given.data) === JSON.stringify(usual.data)) report(['device', key], `${JSON.stringify(value)} is the default; leave it out`, 'key')
    if (key === 'maxRegisters' && !tables.has('holding') && !tables.has('input')) report(['device', key], 'no point is in a register, so this quirk says nothing; leave it out', 'key')
    if (key === 'maxBits' && !tables.has('coil') && !tables.has('discrete')) report(['device', key], 'no point is a coil or discrete input, so this quirk says nothing; leave it out', 'key')
    if (key === 'maskWrite' && !Object.values(profile.points).some((point) => point.writable === true && point.bit !== undefined)) report(['device', key], 'no point writes a single bit of a register, so this quirk says nothing; leave it out', 'key')
  }
}

const siteKeys = new Set(['unitId', 'username', 'password', 'clientId', 'address'])
