import path from 'node:path'
import type { Answers } from '../../../firmware-config/init/answers.ts'
import { compose } from '../../../firmware-config/init/compose.ts'
import { render } from '../../../firmware-config/init/render.ts'
import { check } from '../../../firmware-config/site/check.ts'
import { readDocument } from '../../../firmware-config/site/document.ts'
import { SiteError } from '../../../firmware-config/site/index.ts'
import { valueAt, type Plain } from '../../../firmware-config/site/plain.ts'
import { Problems, type Path, type Report } from '../../../firmware-config/site/problems.ts'
import { readSite } from '../rooms.ts'
import { knownProfiles } from './box.ts'
import { answers as answersSchema } from './pieces.ts'
import { salvage, type Salvaged } from './salvage.ts'

/** Profiles beside the site file and shipped ones: which driver each is for. */
export const driversOf = async (site: string): Promise<ReadonlyMap<string, string>> => new Map((await knownProfiles(path.dirname(path.resolve(site)))).map(({ name, driver }) => [name, driver]))

/** Throws SiteError: what the answers themselves have wrong and what is wrong with the site they make, all of it at once, told where it was answered. */
export async function readAnswers(file: string, site: string): Promise<Answers> {
  const problems = new Problems()
  const document = await readDocument(file, problems)
  if (!document) problems.throwIfAny(file)
  const report = problems.in(document!)
  const wrong: Path[] = []
  const told: Report = (where, ...words) => { wrong.push(where); report(where, ...words) }
  const strict = check(answersSchema, document!.value, told)
  const found: Salvaged<Answers> | null = strict ? { data: strict.data, gone: new Set(), given: (where) => where } : salvage(answersSchema, document!.value)
  if (found) {
    // What follows from a fault that was told is not told again.
    const follows = (where: Path): boolean => wrong.some((each) => each.slice(0, where.length).every((part, index) => part === where[index]) || where.slice(0, each.length).every((part, index) => part === each[index])) || namesOneOf(document!.value, where, found.gone)
    await judge(found, site, (where, ...words) => { if (!follows(where)) told(where, ...words) })
  }
  problems.throwIfAny(file)
  return strict!.data
}

async function judge({ data, given }: Salvaged<Answers>, site: string, report: Report): Promise<void> {
  const drivers = await driversOf(site)
  for (const [index, { profile, line }] of data.devices.entries()) {
    const driver = drivers.get(profile)
    const missing = driver === 'modbus' ? line === undefined && 'say on which of lines it is: line: ID' : driver === 'mqtt' ? data.broker === undefined && 'an MQTT device needs broker: { host, port }' : driver !== undefined && `devices of driver ${driver} are added to the site file by hand`
    if (missing) report(given(['devices', index, driver === 'modbus' ? 'line' : 'profile']), missing)
  }
  const { site: plain, answered } = compose(data, (profile) => drivers.get(profile))
  try { await readSite(site, { text: render(plain, site) }) } catch (error) {
    if (!(error instanceof SiteError)) throw error
    for (const { path: where, message } of error.problems) report(given(answered(parsePath(where))), message)
  }
}

/** `relays` and `relays.relay-8` name the device relays. */
function namesOneOf(root: Plain, where: Path, ids: ReadonlySet<string>): boolean {
  const value = valueAt(root, where)
  return typeof value === 'string' && (ids.has(value) || ids.has(value.split('.')[0]!))
}

/** `devices[3].points.temperature` back into its parts. */
const parsePath = (text: string): Path => [...text.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([\w-]+)/g)].map(([, index, quoted, word]) => (index === undefined ? quoted ?? word! : Number(index)))
