import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { openSigner } from '../../cloud-sync/signing.ts'
import { checklistOf, counted, differences, readCommissioning, renderCommissioning, signCommissioning, Watch, type Check, type CheckResult, type SignedCommissioning, type Verdict } from '../../firmware-config/commission/index.ts'
import { controlClient } from '../control/client.ts'
import type { FeedItem } from '../feed.ts'
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

/** How long the city is waited for; telemetry goes up at the latest by then. */
const receiptMs = 10_000
const lookMs = 100
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
  print(`\n${summary(report)}\n${name}.html: to print and to sign; ${name}.json: the same, signed by the gateway`)
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
  const results: CheckResult[] = []
  try {
    print(paint('gray', help))
    for (const [index, check] of wanted.entries()) {
      const old = passed.get(check.point)
      if (old) { results.push(old); continue }
      print(`\n${paint('bold', `${index + 1}/${wanted.length}`)}  ${check.ask.zh}\n     ${check.ask.en}  ${paint('gray', check.point)}`)
      const answer = await ask({ check, all, client, feed, typed, signal })
      if (answer === 'quit') { results.push(...wanted.slice(index).map((left) => passed.get(left.point) ?? skipped(left, 'ended before'))); break }
      const result = answer.outcome === 'passed' && site.uplinks.length > 0 ? { ...answer, receipt: await receiptOf(client, answer, signal) } : answer
      results.push(result)
      print(line(result))
    }
  } finally {
    typed.close()
    feed.end()
  }
  return results
}

const named = ({ point, device, name, unit }: Check) => ({ point, device, name, ...(unit === undefined ? {} : { unit }) })
const skipped = (check: Check, reason: string): CheckResult => ({ ...named(check), outcome: 'skipped', reason })

interface Question { readonly check: Check; readonly all: readonly Check[]; readonly client: Client; readonly feed: Listener; readonly typed: Interface; readonly signal: AbortSignal }

/** The door may be opened before or after Enter: what is seen counts, the call is only where the time begins. */
async function ask({ check, all, client, feed, typed, signal }: Question): Promise<CheckResult | 'quit'> {
  const values = (await client.readings()).filter(({ quality }) => quality === 'good').map(({ pointId, value }) => [pointId, value] as const)
  const watch = new Watch(check, all, values)
  let stimulusAt: number | undefined
  const { promise, resolve } = Promise.withResolvers<CheckResult | 'quit'>()
  const judged = (verdict: Verdict | null): void => {
    if (!verdict) return
    const { before, after, at, receivedAt } = verdict.seen
    const called = stimulusAt !== undefined && stimulusAt <= at ? { stimulusAt } : {}
    if (verdict.outcome === 'seen') resolve({ ...named(check), outcome: 'passed', ...called, seenAt: at, receivedAt, before, after })
    else resolve({ ...named(check), outcome: 'failed', ...called, seenAt: at, receivedAt, before, after, swappedWith: verdict.other })
  }
  const stop = feed.listen((item) => { if (item.kind === 'reading') judged(watch.take(item.reading)) })
  const heard = (text: string): void => {
    switch (text.trim().toLowerCase()) {
      case '': stimulusAt = clock.now(); print(paint('gray', '     …')); break
      case 's': resolve(skipped(check, 'left out by the installer')); break
      case 'f': resolve({ ...named(check), outcome: 'failed', reason: 'nothing was seen; said by the installer' }); break
      case 'q': resolve('quit'); break
      default: print(help)
    }
  }
  const ended = (): void => resolve('quit')
  typed.on('line', heard)
  typed.once('close', ended)
  signal.addEventListener('abort', ended, { once: true })
  const cancel = everyLook(() => judged(watch.tick(clock.now())))
  try {
    return await Promise.race([promise, feed.lost])
  } finally {
    stop()
    cancel()
    typed.off('line', heard)
    typed.off('close', ended)
    signal.removeEventListener('abort', ended)
  }
}

function everyLook(look: () => void): () => void {
  let cancel = (): void => {}
  const arm = (): void => { cancel = clock.after(lookMs, () => { look(); arm() }) }
  arm()
  return () => cancel()
}

/** What the running gateway says, to whoever listens. */
class Listener {
  readonly lost: Promise<never>
  readonly #stop = new AbortController()
  #heard: (item: FeedItem) => void = () => {}
  constructor(client: Client, signal: AbortSignal) {
    this.lost = this.#run(client, AbortSignal.any([signal, this.#stop.signal]))
    this.lost.catch(() => {})
  }
  listen(heard: (item: FeedItem) => void): () => void { this.#heard = heard; return () => { this.#heard = () => {} } }
  end(): void { this.#stop.abort() }
  async #run(client: Client, signal: AbortSignal): Promise<never> {
    try { for await (const item of client.tail(signal)) this.#heard(item) } catch (error) { if (!signal.aborted) throw error }
    if (signal.aborted) return new Promise(() => {})
    throw new ConfigError('CONTROL_UNREACHABLE', 'the gateway went away while it was commissioned; start it again, and go on with --resume')
  }
}

/** The record with which telemetry, as it stood when the change was seen, was complete at the city. Null: it did not have it in time. */
async function receiptOf(client: Client, { receivedAt }: CheckResult, signal: AbortSignal): Promise<CheckResult['receipt']> {
  const from = clock.monotonic()
  let head: { readonly epoch: string; readonly seq: number } | null = null
  while (!signal.aborted && clock.monotonic() - from < receiptMs) {
    const { journal, uplinks } = await client.status()
    // The reading is on its way to the disk for some hundredths of a second.
    if (clock.now() - receivedAt! > settledMs) head ??= journal.heads.telemetry ?? null
    const done = head && head.seq > 0 ? uplinks.find(({ state, backlog }) => state === 'online' && (backlog.telemetry?.records ?? 1) === 0) : undefined
    if (head && done) return { uplink: done.id, stream: 'telemetry', epoch: head.epoch, seq: head.seq, afterMs: Math.max(0, clock.now() - receivedAt!) }
    await clock.sleep(lookMs, signal).catch(() => {})
  }
  return null
}
const settledMs = 200

function line({ outcome, seenAt, stimulusAt, receivedAt, before, after, unit, swappedWith, receipt, reason }: CheckResult): string {
  const when = seenAt === undefined ? '' : `${new Date(seenAt).toLocaleTimeString('sv-SE')}${stimulusAt === undefined ? '' : `, +${seenAt - stimulusAt} ms`}, at the gateway after ${receivedAt! - seenAt} ms`
  if (outcome === 'passed') return `     ${paint('green', '✓ seen')} ${when}: ${String(before)} → ${String(after)}${unit && unit !== '1' ? ` ${unit}` : ''}${receipt ? `; the city has it after ${receipt.afterMs} ms` : receipt === null ? paint('yellow', '; no receipt from the city') : ''}`
  if (outcome === 'failed') return `     ${paint('red', '✗ failed')} ${swappedWith === undefined ? reason ?? '' : `${when}: ${swappedWith} moved in its place; the wires may be swapped`}`
  return `     ${paint('yellow', '– left out')} ${reason ?? ''}`
}

function summary({ commissioning: report, signature }: SignedCommissioning): string {
  const { passed, failed, skipped: left } = counted(report)
  return `${report.gateway}, ${new Date(report.beganAt).toISOString()}, by ${report.by}: ${paint('green', `${passed} passed`)}, ${failed > 0 ? paint('red', `${failed} failed`) : '0 failed'}, ${left} left out; signed with key ${signature.keyId}`
}

async function checkReport({ check, diff, json }: CommissionCommand, site: Site): Promise<void> {
  const report = await readReport(check!)
  const changes = diff ? differences((await readReport(diff)).commissioning, report.commissioning) : null
  if (report.commissioning.gateway !== site.site.id) throw new DataError('COMMISSION_OTHER', `${check} is of ${report.commissioning.gateway}, and the site file of ${site.site.id}; give that gateway's site file`)
  if (json) return printJson({ ...report, ...(changes ? { differences: changes } : {}) })
  print(summary(report))
  const rows = changes ? changes.map(({ point, was, now }) => [point, was ?? 'not there', now ?? 'not there']) : report.commissioning.results.map(({ point, outcome, swappedWith, reason }) => [point, outcome, swappedWith ?? reason ?? ''])
  if (rows.length > 0) print(table([changes ? ['POINT', 'BEFORE', 'NOW'] : ['POINT', 'OUTCOME', ''], ...rows]))
  else print('no point did otherwise than before')
}

async function readReport(file: string): Promise<SignedCommissioning> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => { throw new DataError('COMMISSION_UNREADABLE', `cannot read ${file} (${codeOf(cause)})`, { cause }) })
  return readCommissioning(text, file)
}

const put = (file: string, text: string): Promise<void> => replaceFile(file, text, reportMode).catch((cause: unknown) => { throw new ConfigError('COMMISSION_TARGET', `cannot write ${file} (${codeOf(cause)}); choose another place with --out`, { cause }) })
