import path from 'node:path'
import type { ConnectionConfig, EpochMs, SecretRef } from '../contract/index.ts'
import { createShifts } from '../../rules/people/shifts.ts'
import { roomSchemas, type Site } from '../cli/rooms.ts'
import type { SiteFacts } from '../support/check-up.ts'
import type { CertificateFile, SecretPlace } from '../support/check-files.ts'
import type { OpcuaPki } from '../support/check-opcua.ts'
import type { Endpoint } from '../support/check-network.ts'
import type { PortNeed } from '../support/check-ports.ts'
import { found, type CheckFinding } from '../support/findings.ts'
import { fileHash } from './file-hash.ts'

const hourMs = 3_600_000
const mostSecrets = 500

export interface FactsOptions {
  readonly now: EpochMs
  /** Of the file that the running gateway has read. Null: none runs. */
  readonly runsWith: string | null
  /** Somebody can log in to the page. */
  readonly hasAdmin: boolean
}

/** What a check-up needs to know of a valid site. */
export async function siteFacts(site: Site, { now, runsWith, hasAdmin }: FactsOptions): Promise<SiteFacts> {
  const { console: page, uplinks, connections } = site
  const seen = await fileHash(site.file)
  return {
    gateway: site.site.id, store: site.store.path, page: page.enabled ? page.listen : null,
    ports: connections.flatMap((connection) => portOf(connection, runsWith !== null)),
    endpoints: uplinks.flatMap(({ id, url }): Endpoint[] => { const { hostname, port, protocol } = new URL(url); return [{ uplink: id, host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (protocol === 'mqtts:' ? 8_883 : 1_883) }] }),
    certificates: certificatesOf(site),
    secrets: secretsOf(site),
    opcua: opcuaOf(site),
    looks: [['console', () => siteCaOf(site, now)]],
    found: [
      ...(runsWith !== null && seen !== null && seen !== runsWith ? [found('DOCTOR_CONFIG_CHANGED', 'notice', 'configuration', site.file, ['站点文件在启动后改过，改动还没有生效。', 'The site file was changed since the start; the change is not in use.'], ['linli check 检查后应用或重启。', 'Run linli check, then apply it or start again.'])] : []),
      ...forecastsOf(site), ...soundOf(site), ...peopleOf(site, now), ...pageOf(site, hasAdmin),
      ...(uplinks.length === 0 ? [found('DOCTOR_UPLINK_NONE', 'notice', 'city', 'uplinks', ['没有设置上传到城市平台。', 'No link to a city platform is set up.'], ['需要时在站点文件里加 uplinks。', 'Add uplinks to the site file if one is wanted.'])] : []),
      ...(runsWith !== null && process.getuid?.() === 0 ? [found('DOCTOR_ROOT', 'notice', 'secrets', 'process', ['网关正以 root 身份运行。', 'The gateway runs as root.'], ['用安装包里的系统用户运行网关。', 'Run the gateway as the system user of the package.'])] : []),
    ],
  }
}

/** The authority that the gateway made for its page: when it ends, and which of the page's addresses it may not sign. One that is not made yet comes with the first start. */
async function siteCaOf({ console: page, store, file }: Site, now: EpochMs): Promise<readonly CheckFinding[]> {
  if (!page.enabled || page.tls !== 'site-ca') return []
  const folder = path.join(store.path, 'console')
  const [{ readSiteCa }, { namesWanted, ownNetworks, split }, { tlsFindings }] = await Promise.all([import('../console/tls/site-ca.ts'), import('../console/tls/names.ts'), import('../console/tls/keeper.ts')])
  const ca = await readSiteCa(folder)
  if (!ca) return []
  const { outside } = split(namesWanted(page, ownNetworks()), ca.allowed)
  const day = new Date(ca.until).toISOString().slice(0, 10)
  const ended = ca.until <= now
  const next = [`运行 linli console-ca ${file} --renew，再在每台设备上重新安装（页面 /install）。`, `Run linli console-ca ${file} --renew, then install it anew on every device (/install of the page).`] as const
  return tlsFindings({ until: ca.until, names: [], outside, authority: ca }, now).map(({ code, text }) => (code === 'CONSOLE_TLS_NAMES'
    ? found(code, 'warning', 'console', outside.join(', '), ['页面用到的地址不在本站证书机构的范围内，浏览器打不开。', 'The page is called by an address that the site’s authority may not sign; browsers refuse it there.'], next, text)
    : found(code, ended ? 'fault' : 'warning', 'console', folder, [ended ? `页面的证书机构已于 ${day} 到期，浏览器打不开页面。` : `页面的证书机构将于 ${day} 到期。`, ended ? `The site’s authority of the page ended on ${day}; browsers refuse the page.` : `The site’s authority of the page ends on ${day}.`], next, text)))
}

function opcuaOf({ connections }: Site): readonly OpcuaPki[] {
  const secured = connections.flatMap(({ id, driver, settings }) => { const { pki, endpoint, security } = settings as { readonly pki?: string; readonly endpoint?: string; readonly security?: string }; return driver === 'opcua' && pki !== undefined && endpoint !== undefined && security !== 'None' ? [{ id, endpoint, folder: path.resolve(pki) }] : [] })
  return [...Map.groupBy(secured, ({ folder }) => folder)].map(([folder, all]) => ({ folder, connections: all }))
}

/** What is wrong with a file that cannot be used: each problem, and what can be looked at all the same. */
export function brokenFacts(file: string, problems: readonly { readonly text: string }[]): SiteFacts {
  const next = ['按提示改正，再运行 linli check。', 'Correct what it says, then run linli check.'] as const
  return {
    gateway: null, store: path.join(path.dirname(path.resolve(file)), 'data'), ports: [], endpoints: [], certificates: [], secrets: [], page: null,
    found: problems.slice(0, 20).map(({ text }) => found('DOCTOR_CONFIG_INVALID', 'fault', 'configuration', file, ['站点文件有错，网关不会启动。', 'The site file is wrong; the gateway does not start.'], next, text)),
  }
}

function portOf({ id, driver, settings }: ConnectionConfig, held: boolean): readonly PortNeed[] {
  const { transport, path: port, chip } = settings as { readonly transport?: string; readonly path?: string; readonly chip?: string }
  if (driver === 'modbus' && transport === 'rtu' && port !== undefined) return [{ connection: id, kind: 'serial', path: port, held }]
  // Labels and sysfs are the driver's own: it says what it misses once it runs.
  if (driver === 'gpio' && chip !== undefined && /^gpiochip\d+$/.test(chip)) return [{ connection: id, kind: 'gpio', path: `/dev/${chip}`, held }]
  return []
}

function certificatesOf({ file, uplinks, connections, console: page }: Site): readonly CertificateFile[] {
  return [
    ...uplinks.flatMap(({ id, cert, key, ca, renew }) => [...(cert === undefined ? [] : [{ where: `uplink ${id}`, cert, key, renewed: renew !== undefined, enrol: file }]), ...(ca === undefined ? [] : [{ where: `uplink ${id}, authority`, cert: ca, comesWith: cert }])]),
    ...(page.enabled && page.tls && page.tls !== 'site-ca' ? [{ where: 'console', cert: page.tls.cert, key: page.tls.key }] : []),
    ...connections.flatMap(({ id, settings }) => {
      const { cert, key, tls, userCertificate, userKey } = settings as { readonly cert?: string; readonly key?: string; readonly tls?: { readonly cert: string; readonly key: string }; readonly userCertificate?: string; readonly userKey?: string }
      return [...(cert === undefined ? [] : [{ where: `connection ${id}`, cert, key }]), ...(tls ? [{ where: `connection ${id}, tls`, cert: tls.cert, key: tls.key }] : []), ...(userCertificate === undefined ? [] : [{ where: `connection ${id}, user`, cert: userCertificate, key: userKey }])]
    }),
  ]
}

/** Wherever a section of a site keeps one, with its way there. */
function secretsOf(site: Site): readonly SecretPlace[] {
  const places: SecretPlace[] = []
  const walk = (value: unknown, where: string): void => {
    if (typeof value !== 'object' || value === null || places.length >= mostSecrets) return
    const ref = referenceOf(value)
    if (ref) { places.push({ where, ref }); return }
    for (const [key, item] of Object.entries(value)) walk(item, `${where} ${nameOf(item) ?? key}`)
  }
  for (const connection of site.connections) {
    walk(connection.settings, `connection ${connection.id}`)
    for (const device of connection.devices) walk(device.settings, `device ${device.id}`)
  }
  for (const uplink of site.uplinks) walk(uplink, `uplink ${uplink.id}`)
  for (const channel of site.decisions.channels) walk(channel, `channel ${channel.id}`)
  for (const person of site.decisions.people) walk(person, `person ${person.id}`)
  return places
}
const nameOf = (value: unknown): string | undefined => (typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string' ? value.id : undefined)
function referenceOf(value: object): SecretRef | null {
  if (Object.keys(value).length !== 1) return null
  return 'env' in value && typeof value.env === 'string' ? { env: value.env } : 'file' in value && typeof value.file === 'string' ? { file: value.file } : null
}

function forecastsOf({ connections, warnings, file }: Site): readonly CheckFinding[] {
  const forecasts = connections.flatMap((connection) => roomSchemas.drivers[connection.driver]?.foresee?.(connection) ?? []).map(({ message }) => message)
  return [...warnings, ...forecasts].map((text) => found('DOCTOR_CONFIG_WARNING', 'notice', 'configuration', file, ['站点文件能用，但有值得改的地方。', 'The site file works, and something in it may not please.'], ['看说明，需要时改正。', 'Read the detail, and change it if you agree.'], text))
}

function soundOf({ decisions: { sounders, channels }, console: page }: Site): readonly CheckFinding[] {
  if (sounders.length > 0 || channels.length > 0) return []
  return [found('DOCTOR_NO_SOUND', 'warning', 'alarms', 'sounders, channels', page.enabled ? ['没有声光器也没有消息渠道：没人开着页面时，告警不会被听到。', 'There is neither a sounder nor a channel: an alert is heard only where the page is open.'] : ['没有声光器、消息渠道和页面：告警不会被任何人知道。', 'There is no sounder, no channel and no page: nobody hears of an alert.'], ['在站点文件里加 sounders 或 channels，并试响一次（linli alerts test）。', 'Add sounders or channels to the site file, and try them (linli alerts test).'])]
}

const gapDays = 7
function peopleOf({ decisions: { shifts, escalation, people }, site: { timezone } }: Site, now: EpochMs): readonly CheckFinding[] {
  const duties = new Set(escalation.flatMap(({ steps }) => steps.flatMap(({ to }) => to.flatMap((target) => ('duty' in target ? [target.duty] : [])))))
  const onDuty = createShifts(shifts, timezone)
  const fill = ['在 shifts 里补上这段时间的人。', 'Put somebody into shifts for that time.'] as const
  return [
    ...(people.length === 0 ? [found('DOCTOR_NO_ROSTER', 'notice', 'people', 'people', ['站点文件里没有人员名单，值班交接不可用。', 'The site file has no roster; shifts at the page need one.'], ['在站点文件里加 people。', 'Add people to the site file.'])] : []),
    ...[...duties].flatMap((shift) => {
      if (onDuty(shift, now).length === 0) return [found('DOCTOR_NOBODY_ON_DUTY', 'warning', 'people', `shift ${shift}`, ['现在没有人值班，告警不会点名通知任何人。', 'Nobody is on duty now: alerts name nobody.'], fill)]
      const gap = Array.from({ length: gapDays * 48 }, (_, half) => now + half * hourMs / 2).find((at) => onDuty(shift, at).length === 0)
      return gap === undefined ? [] : [found('DOCTOR_DUTY_GAP', 'notice', 'people', `shift ${shift}`, [`七天内有无人值班的时间，最早在 ${localOf(gap, timezone)}。`, `Within a week nobody is on duty at times, first at ${localOf(gap, timezone)}.`], fill)]
    }),
  ]
}
const localOf = (at: EpochMs, timeZone: string): string => new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' }).format(at)

function pageOf({ console: page, file }: Site, hasAdmin: boolean): readonly CheckFinding[] {
  if (!page.enabled) return [found('DOCTOR_CONSOLE_OFF', 'notice', 'console', 'console.enabled', ['值守页面没有打开。', 'The page for staff is off.'], ['需要时设 console.enabled: true。', 'Set console.enabled to true if it is wanted.'])]
  return [
    ...(page.plainHttp && !page.tls ? [found('DOCTOR_CONSOLE_PLAIN', 'warning', 'console', `${page.listen.host}:${page.listen.port}`, ['页面未加密：同一网络里的人能看到密码。', 'The page is not encrypted: passwords can be read on the network.'], ['配置 console.tls，并去掉 plainHttp。', 'Give it console.tls and take plainHttp away.'])] : []),
    ...(hasAdmin ? [] : [found('DOCTOR_NO_ADMIN', 'warning', 'console', 'accounts', ['页面还没有任何账号。', 'Nobody has an account at the page yet.'], [`运行 linli claim ${file}，在页面上输入认领码。`, `Run linli claim ${file} and type its code at the page.`])]),
  ]
}
