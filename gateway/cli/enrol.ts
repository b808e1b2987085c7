import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { currentCertificate, enrolOnline, importFile, renewOnline, requestFile, type CredentialFiles, type Enrolled } from '../../cloud-sync/enrol/enrol.ts'
import { put } from '../../cloud-sync/enrol/files.ts'
import { codeOf, ConfigError, systemClock as clock } from '../kit/index.ts'
import { hasTerminal } from './ask/terminal.ts'
import { paint, print, printJson, stopSignal } from './output.ts'
import { readSite, type Site } from './rooms.ts'

export interface EnrolCommand {
  readonly url?: string
  readonly uplink?: string
  readonly token?: string
  readonly ca?: string
  readonly csr?: string
  readonly import?: string
  readonly renew?: boolean
  /** True: the trial alone. False: none after an enrolment. */
  readonly try?: boolean
  readonly force?: boolean
  readonly json?: boolean
}

/** `linli enrol`: the gateway's certificate for one uplink, over the network or by files; over the network it ends with a trial of the connection. Exit code 1 where that proves less. */
export async function enrol(file: string, options: EnrolCommand): Promise<void> {
  const site = await readSite(file)
  const uplink = uplinkOf(site, options.uplink)
  const files = filesOf(site, uplink)
  const parts = { gateway: site.site.id, region: site.site.region, files, now: clock.now() }
  const { socket } = site.control
  if (options.try) return (await import('./enrol-try.ts')).tryEnrolment(file, { uplink, parts, socket }, options.json ?? false)
  if (options.url === undefined && !options.csr && options.import === undefined && !options.renew && !options.json && hasTerminal()) {
    if (!options.force) await refuseSecond(parts)
    return (await import('./enrol-guide.ts')).guideEnrolment(file, { uplink, parts, socket, options, tell: (authority) => tellMissing(file, uplink, files, authority) })
  }
  if (options.csr) {
    await put(path.resolve(options.csr), await requestFile(parts), 0o644)
    if (options.json) return printJson({ request: path.resolve(options.csr), key: `${files.key}.new` })
    return print(`${options.csr}: the request; give it to the authority. The key stays in ${files.key}.new\nThen: linli enrol ${file} --import CERTIFICATE.pem`)
  }
  const done = await carryOut(parts, options.renew && options.url === undefined ? { ...uplink.renew, ...options } : options)
  if (!options.json) {
    print(`${paint('green', 'enrolled')}: ${done.subject}, by ${done.issuer}, until ${new Date(done.notAfter).toISOString()}`)
    tellMissing(file, uplink, files, options)
  }
  const again = `linli enrol ${file} --uplink ${uplink.id} --try`
  // A running gateway takes a renewed one up by itself; where the authority was not asked, there may be no network at all.
  const tries = !options.renew && options.import === undefined && options.try !== false
  const { tryOut, brokerIsNext } = await import('./enrol-try.ts')
  const trial = tries ? await tryOut({ uplink, parts, socket }, options.json ?? false, brokerIsNext(again)) : undefined
  if (options.json) return printJson({ uplink: uplink.id, ...done, notAfter: new Date(done.notAfter).toISOString(), files, ...(trial && { trial }) })
  if (!tries && !options.renew) print(`Next: ${again}   # proves that the platform takes what the gateway says, and lets it listen`)
}

/** What the site file should say of it, where it does not yet. */
function tellMissing(file: string, uplink: Site['uplinks'][number], files: CredentialFiles, options: Pick<EnrolCommand, 'url' | 'ca'>): void {
  const missing = (['ca', 'cert', 'key'] as const).filter((name) => uplink[name] === undefined)
  const lines = missing.map((name) => `    ${name}: ${files[name]}`)
  if (options.url !== undefined && !uplink.renew) lines.push(`    renew: { url: "${options.url}"${options.ca === undefined ? '' : `, ca: ${path.resolve(options.ca)}`} }   # so that the gateway renews it by itself`)
  if (lines.length > 0) print(`Add to uplink "${uplink.id}" in ${file}:\n${lines.join('\n')}`)
}

async function carryOut(parts: Parameters<typeof requestFile>[0], options: EnrolCommand): Promise<Enrolled> {
  const ca = options.ca === undefined ? null : await readText(options.ca)
  if (options.import !== undefined) return importFile(parts, await readText(options.import), ca)
  if (options.url === undefined || !options.url.startsWith('https://') || !URL.canParse(options.url)) throw new ConfigError('ENROL_USAGE', 'give --url https://… of the authority, or take the file-based way: --csr FILE, then --import FILE')
  const server = { url: options.url, ca: ca ?? undefined }
  if (options.renew) return renewOnline({ ...parts, server }, stopSignal())
  // Told before a token is asked for: nobody should fetch one in vain.
  if (!options.force) await refuseSecond(parts)
  const token = options.token === undefined ? process.env.LINLI_ENROL_TOKEN : (await readText(options.token)).trim()
  if (!token) throw new ConfigError('ENROL_USAGE', 'a one-time token is needed: give --token FILE, or set LINLI_ENROL_TOKEN; the authority hands it out')
  return enrolOnline({ ...parts, server: { ...server, basic: { user: parts.gateway, token } }, force: options.force ?? false }, stopSignal())
}

async function refuseSecond({ files, now }: { readonly files: CredentialFiles; readonly now: number }): Promise<void> {
  const current = await currentCertificate(files)
  if (current && current.validToDate.getTime() > now) throw new ConfigError('ENROL_EXISTS', `this gateway has a certificate until ${current.validTo} (${files.cert}); renew it with --renew, or begin anew with --force`)
}

function uplinkOf({ uplinks, file }: Site, id: string | undefined): Site['uplinks'][number] {
  const [only, ...others] = uplinks
  const found = id === undefined ? only : uplinks.find((uplink) => uplink.id === id)
  if (!found) throw new ConfigError('ENROL_USAGE', id === undefined ? `${file} has no uplink to enrol for; add one under "uplinks"` : `${file} has no uplink "${id}"; there are ${uplinks.map((uplink) => uplink.id).join(', ') || 'none'}`)
  if (id === undefined && others.length > 0) throw new ConfigError('ENROL_USAGE', `${file} has ${uplinks.length} uplinks; say which with --uplink ${uplinks.map((uplink) => uplink.id).join('|')}`)
  return found
}

/** What the site file says; where it says nothing, a folder in the store. */
function filesOf({ store }: Site, { id, cert, key, ca }: Site['uplinks'][number]): CredentialFiles {
  const folder = path.join(store.path, 'tls', id)
  const at = (file: string | undefined, name: string): string => file ?? path.join(folder, name)
  return { cert: at(cert, 'cert.pem'), key: at(key, 'key.pem'), ca: at(ca, 'ca.pem') }
}

async function readText(file: string): Promise<string> {
  try { return await readFile(file, 'utf8') } catch (cause) { throw new ConfigError('ENROL_USAGE', `cannot read ${file} (${codeOf(cause)}); check the path and its owner`, { cause }) }
}
