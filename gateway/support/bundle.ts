import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { packTar } from 'modern-tar'
import { stringify } from 'yaml'
import type { EpochMs, GatewayEvent } from '../contract/index.ts'
import type { GatewayStatus } from '../status.ts'
import { hostFacts, storeFacts } from './facts.ts'
import { keptFiles } from './crash.ts'
import type { CheckUp } from './findings.ts'
import { readLine, renderLine } from './logs.ts'
import { redactSite } from './redact-site.ts'
import type { Scrubber } from './scrub.ts'

export interface AuditEntry { readonly seq: number; readonly at: EpochMs; readonly by: string; readonly action: string; readonly target?: string | undefined; readonly outcome: string; readonly address?: string | undefined; readonly hash: string }

export interface BundleParts {
  readonly now: EpochMs
  readonly version: string
  readonly checkUp: CheckUp
  /** As the YAML stands; null where it is none. */
  readonly siteTree: unknown
  /** Of the site file, as `linli check` says them. */
  readonly problems: readonly string[]
  readonly configHash: string | null
  readonly store: string
  readonly status: GatewayStatus | null
  /** As they were written. */
  readonly logLines: readonly string[]
  readonly audit: readonly AuditEntry[]
  /** Null: not asked for. */
  readonly events: readonly GatewayEvent[] | null
  readonly scrubber: Scrubber
}

export interface Bundle { readonly name: string; readonly bytes: Uint8Array }

/** Of one file in it, in clear. What is longer is cut, and says so. */
const maxFileBytes = 2 << 20

/** Everything in it has passed the scrubber; nothing is read from the folders that hold keys, passwords or sessions. */
export async function makeBundle(parts: BundleParts): Promise<Bundle> {
  const { now, scrubber, status, checkUp } = parts
  const json = (value: unknown): string => `${JSON.stringify(scrubber.json(value), null, 1)}\n`
  const lines = (text: readonly string[]): string => text.map((line, index) => cleanLine(index, line, scrubber)).join('')
  const kept = await keptFiles(parts.store)
  const files: (readonly [name: string, content: string])[] = [
    ['version.json', json({ version: parts.version, node: process.version, platform: process.platform, arch: process.arch, running: status !== null, startedAt: status?.startedAt ?? null, rssMb: status?.rssMb ?? null, configHash: parts.configHash, at: new Date(now).toISOString() })],
    ['host.json', json({ ...await hostFacts(parts.store), timeQuality: status?.timeQuality ?? null })],
    ['check-up.json', json(checkUp)],
    ['site.yaml', parts.siteTree === null ? '# The site file is no YAML; problems.json says why. Its text is left out: nobody can tell what in it is secret.\n' : stringify(redactSite(parts.siteTree, scrubber), { lineWidth: 0 })],
    ...(parts.problems.length > 0 ? [['problems.json', json(parts.problems.slice(0, 200))] as const] : []),
    ...(status ? [['status.json', json(briefStatus(status))] as const] : []),
    ['store.json', json(await storeFacts(parts.store, status))],
    ...(parts.logLines.length > 0 ? [['log.txt', lines(parts.logLines)] as const] : []),
    ...(kept.lastRun === null ? [] : [['log-of-last-run.txt', lines(kept.lastRun.split('\n').filter(Boolean))] as const]),
    ...kept.crashes.map(({ name, text }) => [`crashes/${name}`, crashText(text, json, lines, scrubber)] as const),
    ['audit.json', json(parts.audit.map((entry) => ({ ...entry, hash: entry.hash.slice(0, 16) })))],
    ...(parts.events ? [['events.jsonl', parts.events.map((event) => `${JSON.stringify(scrubber.json(wordless(event)))}\n`).join('')] as const] : []),
  ]
  const stamp = new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')
  const folder = `linli-support-${checkUp.gateway ?? 'site'}-${stamp}`
  const entries = [['README.txt', readme(files.map(([name]) => name), parts)] as const, ...files]
  const tar = await packTar(entries.map(([name, content]) => {
    const body = Buffer.from(cut(content))
    return { header: { name: `${folder}/${name}`, size: body.length, mode: 0o600, mtime: new Date(now) }, body }
  }))
  return { name: `${folder}.tar.gz`, bytes: await promisify(gzip)(tar) }
}

function cut(text: string): string {
  if (Buffer.byteLength(text) <= maxFileBytes) return text
  return `${Buffer.from(text).subarray(0, maxFileBytes).toString()}\n[cut: ${Buffer.byteLength(text)} bytes]\n`
}

/** A line is read first, so that a password is found under its name and not only by its look. */
function cleanLine(index: number, line: string, scrubber: Scrubber): string {
  const read = readLine(index, line)
  return `${renderLine({ ...read, text: scrubber.text(read.text), more: scrubber.json(read.more) as typeof read.more })}\n`
}

function crashText(text: string, json: (value: unknown) => string, lines: (text: readonly string[]) => string, scrubber: Scrubber): string {
  try {
    const { log, ...crash } = JSON.parse(text) as { readonly log?: unknown }
    return `${json(crash)}${Array.isArray(log) ? lines(log.map(String)) : ''}`
  } catch { return scrubber.text(text) }
}

/** Alerts without what people wrote about them. */
const briefStatus = ({ alerts, ...status }: GatewayStatus): object => ({ ...status, alerts: alerts.map(({ timeline, data: _, ...alert }) => ({ ...alert, entries: timeline.length })) })

const wordNames = new Set(['text', 'name', 'photo', 'title', 'person', 'holder', 'answer'])
/** What residents and staff said is theirs. */
function wordless({ data, ...event }: GatewayEvent): object {
  return { ...event, data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, wordNames.has(key) && typeof value === 'string' ? `[text, ${value.length} characters]` : value])) }
}

const told: Readonly<Record<string, string>> = {
  'version.json': 'version of the gateway and of Node, and a hash of the site file',
  'host.json': 'kernel, memory, disk, network interfaces',
  'check-up.json': 'what linli doctor found, with the next steps',
  'site.yaml': 'the site file without comments and secrets; names of people are their ids',
  'problems.json': 'what linli check says of the site file',
  'status.json': 'what linli status shows: connections, counters, backlog, rules, channels, open alerts',
  'store.json': 'streams, bytes, what was set aside, sizes of the folders',
  'log.txt': 'the last lines of the log',
  'log-of-last-run.txt': 'the last lines before the last clean stop',
  'audit.json': 'the last actions of people at the page, by id',
  'events.jsonl': 'the last events, asked for with --with-events',
}

function readme(names: readonly string[], { now, checkUp, events }: BundleParts): string {
  return [
    `Linli support bundle of ${checkUp.gateway ?? 'a site file that is wrong'}, made ${new Date(now).toISOString()}`, '',
    'What is in it:', ...names.map((name) => `  ${name.padEnd(22)} ${told[name] ?? 'a crash: the stack and the last lines before it'}`), '',
    'What was taken out, as far as the gateway can know it:',
    '  passwords, tokens, keys and phone numbers that the site file refers to, wherever they stand and however they are encoded',
    '  whatever stands under a name such as password, token, key, pin, phone or card; values of headers, arguments of programs, paths of web hooks',
    '  user, password and tokens in addresses; private keys; long random texts; claim codes and codes of the residents\' page',
    '  names of the roster (now [person ID]), phone, card and identity numbers, the name in mail addresses, what people typed',
    '  comments of the site file', '',
    'What was never read: accounts, PINs, sessions, claim codes, keys and certificates, the environment, photos, history,',
    `  ${events ? 'and the journal.' : 'events (linli support-bundle --with-events N) and the journal.'}`, '',
    'Look through it before you send it: what a device calls itself, or a person wrote where nobody expects it, is not known to be secret.', '',
  ].join('\n')
}
