import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { openSigner } from '../../cloud-sync/ledger/signing.ts'
import { Attempt, checklistOf, counted, differences, failedCheck, readCommissioning, reasons, receiptOf, renderCommissioning, signCommissioning, siteTime, skippedCheck, telemetryOf, type Check, type CheckResult, type CommissionHost, type SignedCommissioning } from '../../firmware-config/commission/index.ts'
import { controlClient } from '../control/client.ts'
import type { Reading } from '../contract/index.ts'
import { codeOf, ConfigError, createLog, DataError, systemClock as clock } from '../kit/index.ts'
import { replaceFile } from '../kit/durable-file.ts'
import { version } from '../version.ts'
import { paint, print, printJson, stopSignal, table } from './output.ts'
import { readSite, type Site } from './rooms.ts'

export interface CommissionCommand {
  readonly out?: string
  readonly by?: string
  readonly only?: readonly string[]
  readonly resume?: string
  readonly check?: string
  readonly diff?: string
  readonly json?: boolean
}

type Client = ReturnType<typeof controlClient>

const reportMode = 0o644

/** `linli commission SITE`: the checklist, at the terminal. */
export async function commission(file: string, options: CommissionCommand): Promise<void> {
  const site = await readSite(file)
  if (options.check) return checkReport(options, site)
  const earlier = options.resume ? await readReport(options.resume) : null
  const passed = new Map(earlier?.commissioning.results.filter(({ outcome }) => outcome === 'passed').map((result) => [result.point, result]))
  const all = checklistOf(site.connections)
  const wanted = all.filter(({ point }) => !options.only || options.only.some((text) => point.startsWith(text)))
  if (wanted.length === 0) throw new ConfigError('COMMISSION_EMPTY', options.only ? `no point that is read begins with ${options.only.join(' or ')}; linli status names the devices` : 'the site file names no point that is read; add devices first: linli scan')
  if (!process.stdin.isTTY) throw new ConfigError('COMMISSION_TERMINAL', 'commissioning asks for a hand at each point: run it in a terminal')
  const client = controlClient(site.control.socket)
  const { timeQuality } = await client.status()
  const beganAt = clock.now()
  const signal = stopSignal()
  const results = await walk({ site, client, all, wanted, passed, signal })
  const report = signCommissioning({
    format: 1, gateway: site.site.id, site: site.site.name, region: site.site.region, version, by: options.by ?? process.env.USER ?? 'installer', beganAt, endedAt: clock.now(), timeQuality,
    siteFile: createHash('sha256').update(await readFile(file)).digest('hex'), results: [...results],
  }, await openSigner(site.store.path, createLog({ level: 'warn' })))
  const name = path.resolve(options.out ?? `commission-${site.site.id}-${new Date(beganAt).toISOString().slice(0, 10)}`)
  await put(`${name}.json`, `${JSON.stringify(report)}\n`)
  await put(`${name}.html`, renderCommissioning(report, site.site.timezone))
  const { failed, skipped } = counted(report.commissioning)
  if (failed > 0) process.exitCode = 1
  if (options.json) return printJson(report)
  print(`\n${summary(report, site.site.timezone)}\n${name}.html: to print and to sign; ${name}.json: the same, signed by the gateway`)
  if (failed + skipped > 0) print(`what is left: linli commission ${file} --resume ${name}.json`)
}

interface Walk {
  readonly site: Site
  readonly client: Client
  readonly all: readonly Check[]
  readonly wanted: readonly Check[]
  readonly passed: ReadonlyMap<string, CheckResult>
  readonly signal: AbortSignal
}

const help = 'Enter: I do it now · s: leave it out · f: it does not work · q: end here, the report holds what was done'

/** One point after the other. What was typed and what the building did come in by two ways; each question takes what comes first. */
async function walk({ site, client, all, wanted, passed, signal }: Walk): Promise<readonly CheckResult[]> {
  const typed = createInterface({ input: process.stdin })
  const feed = new Listener(client, signal)
  const host: CommissionHost = { readings: () => client.readings(), listen: (heard) => feed.listen(heard), telemetry: async () => telemetryOf(await client.status()) }
  const results = new Map<string, CheckResult>()
  try {
    print(paint('gray', help))
    for (const [index, check] of wanted.entries()) {
      const old = passed.get(check.point)
      if (old) { results.set(check.point, old); continue }
      // What has shown that its wire is right may move by itself: a door that falls shut.
      const others = all.filter(({ point }) => (results.get(point) ?? passed.get(point))?.outcome !== 'passed')
      const title = `${index + 1}/${wanted.length}`
      const answer = await ask({ title, check, others, host, feed, typed, signal })
      if (answer === null) break
      const result = answer.outcome === 'passed' && site.uplinks.length > 0 ? { ...answer, receipt: await receiptOf(host, answer.receivedAt!, clock, signal) } : answer
      results.set(check.point, result)
      print(line(result, site.site.timezone))
      print(paint('gray', `     ${soFar(wanted, results, passed)}`))
    }
  } finally {
    typed.close()
    feed.end()
  }
  return wanted.map((check) => results.get(check.point) ?? passed.get(check.point) ?? skippedCheck(check, reasons.ended))
}

/** Where it stands: what a person has left to do, and how the rest went. */
function soFar(wanted: readonly Check[], results: ReadonlyMap<string, CheckResult>, passed: ReadonlyMap<string, CheckResult>): string {
  const done = wanted.flatMap(({ point }) => results.get(point) ?? passed.get(point) ?? [])
  const counts = counted({ results: done })
  return `${wanted.length} points: ${counts.passed + counts.failed} done (${counts.failed} failed), ${counts.skipped} left out, ${wanted.length - done.length} to go`
}

interface Question { readonly title: string; readonly check: Check; readonly others: readonly Check[]; readonly host: CommissionHost; readonly feed: Listener; readonly typed: Interface; readonly signal: AbortSignal }

/** The question stands only once the gateway looks: an answer typed before would go unheard. Null: it ends here. */
async function ask({ title, check, others, host, feed, typed, signal }: Question): Promise<CheckResult | null> {
  using attempt = await Attempt.begin(check, others, host, clock)
  let hinted = false
  const heard = (text: string): void => {
    switch (text.trim().toLowerCase()) {
      case '': if (attempt.early && !hinted) print(paint('gray', '     it moved before Enter; move it once more')); hinted = true; attempt.call(); print(paint('gray', '     …')); break
      case 's': attempt.settle(skippedCheck(check, reasons.left)); break
      case 'f': attempt.settle(failedCheck(check, reasons.nothing)); break
      case 'q': attempt.end(); break
      default: print(help)
    }
  }
  const ended = (): void => attempt.end()
  if (signal.aborted) ended()
  typed.on('line', heard)
  typed.once('close', ended)
  signal.addEventListener('abort', ended, { once: true })
  print(`\n${paint('bold', title)}  ${check.ask.zh}\n     ${check.ask.en}  ${paint('gray', check.point)}`)
  try {
    return await Promise.race([attempt.result, feed.lost])
  } finally {
    typed.off('line', heard)
    typed.off('close', ended)
    signal.removeEventListener('abort', ended)
  }
}

/** What the running gateway says, to whoever listens. */
class Listener {
  readonly lost: Promise<never>
  readonly #stop = new AbortController()
  #heard: (reading: Reading) => void = () => {}
  constructor(client: Client, signal: AbortSignal) {
    this.lost = this.#run(client, AbortSignal.any([signal, this.#stop.signal]))
    this.lost.catch(() => {})
  }
  listen(heard: (reading: Reading) => void): () => void { this.#heard = heard; return () => { if (this.#heard === heard) this.#heard = () => {} } }
  end(): void { this.#stop.abort() }
  async #run(client: Client, signal: AbortSignal): Promise<never> {
    try { for await (const item of client.tail(signal)) if (item.kind === 'reading') this.#heard(item.reading) } catch (error) { if (!signal.aborted) throw error }
    if (signal.aborted) return new Promise(() => {})
    throw new ConfigError('CONTROL_UNREACHABLE', 'the gateway went away while it was commissioned; start it again, and go on with --resume')
  }
}

function line({ outcome, seenAt, stimulusAt, receivedAt, before, after, unit, swappedWith, receipt, reason }: CheckResult, zone: string): string {
  const when = seenAt === undefined ? '' : `${siteTime(seenAt, zone).time} ${siteTime(seenAt, zone).offset}${stimulusAt === undefined ? '' : `, +${seenAt - stimulusAt} ms`}, at the gateway after ${receivedAt! - seenAt} ms`
  if (outcome === 'passed') return `     ${paint('green', '✓ seen')} ${when}: ${String(before)} → ${String(after)}${unit && unit !== '1' ? ` ${unit}` : ''}${receipt ? `; the city has it after ${receipt.afterMs} ms` : receipt === null ? paint('yellow', '; no receipt from the city') : ''}`
  if (outcome === 'failed') return `     ${paint('red', '✗ failed')} ${swappedWith === undefined ? reason ?? '' : `${when}: ${swappedWith} moved in its place; the wires may be swapped`}`
  return `     ${paint('yellow', '– left out')} ${reason ?? ''}`
}

function summary({ commissioning: report, signature }: SignedCommissioning, zone: string): string {
  const { passed, failed, skipped: left } = counted(report)
  return `${report.gateway}, ${Object.values(siteTime(report.beganAt, zone)).join(' ')}, by ${report.by}: ${report.results.length} points, ${passed + failed} done, ${left} left; ${paint('green', `${passed} passed`)}, ${failed > 0 ? paint('red', `${failed} failed`) : '0 failed'}, ${left} left out; signed with key ${signature.keyId}`
}

async function checkReport({ check, diff, json }: CommissionCommand, site: Site): Promise<void> {
  const report = await readReport(check!)
  const changes = diff ? differences((await readReport(diff)).commissioning, report.commissioning) : null
  if (report.commissioning.gateway !== site.site.id) throw new DataError('COMMISSION_OTHER', `${check} is of ${report.commissioning.gateway}, and the site file of ${site.site.id}; give that gateway's site file`)
  if (json) return printJson({ ...report, ...(changes ? { differences: changes } : {}) })
  print(summary(report, site.site.timezone))
  const rows = changes ? changes.map(({ point, was, now }) => [point, was ?? 'not there', now ?? 'not there']) : report.commissioning.results.map(({ point, outcome, swappedWith, reason }) => [point, outcome, swappedWith ?? reason ?? ''])
  if (rows.length > 0) print(table([changes ? ['POINT', 'BEFORE', 'NOW'] : ['POINT', 'OUTCOME', ''], ...rows]))
  else print('no point did otherwise than before')
}

async function readReport(file: string): Promise<SignedCommissioning> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => { throw new DataError('COMMISSION_UNREADABLE', `cannot read ${file} (${codeOf(cause)})`, { cause }) })
  return readCommissioning(text, file)
}

const put = (file: string, text: string): Promise<void> => replaceFile(file, text, reportMode).catch((cause: unknown) => { throw new ConfigError('COMMISSION_TARGET', `cannot write ${file} (${codeOf(cause)}); choose another place with --out`, { cause }) })
