import { readFile, stat } from 'node:fs/promises'
import type { ChangeAuthor, ChangeFinding, ChangeOrder, ChangePlan, ChangeView, Clock, DesiredMark, DesiredOrder, DesiredPort, DesiredRecord, GatewayEvent, RaiseAlert } from '../contract/index.ts'
import type { ConfigurationBook } from '../../firmware-config/apply/book.ts'
import { hashOf } from '../../firmware-config/apply/hash.ts'
import { baselineOf, healthOf, type HouseStatus } from '../../firmware-config/apply/health.ts'
import { judge, leftMs, type BootTime, type Reason, type Trial } from '../../firmware-config/apply/trial.ts'
import type { Site } from '../cli/rooms.ts'
import { replaceOwned } from '../kit/durable-file.ts'
import { codeOf, ConfigError, describe, type Logger } from '../kit/index.ts'
import { gatewayEvent } from '../events.ts'

/** A gateway, as its configuration is concerned. */
export interface ChangedGateway { status(): HouseStatus; tell(events: readonly GatewayEvent[], alerts: readonly RaiseAlert[]): Promise<void> }

export interface ChangeParts {
  readonly book: ConfigurationBook
  readonly site: Site
  readonly text: string
  readonly clock: Clock
  readonly log: Logger
  /** Of the file's text. Throws SiteError. */
  read(text: string): Promise<Site>
  boot(): Promise<BootTime>
  /** Its control socket answers. */
  answers(site: Site): Promise<boolean>
  /** What became of a trial before the start. */
  readonly untold: { readonly events: readonly GatewayEvent[]; readonly alerts: readonly RaiseAlert[] }
}

/** What is to run from now on. */
export interface Turn { readonly site: Site; readonly reason: string }

/** During a trial, and when all that may happen is that somebody edits the file. */
const [lookMs, seldomMs] = [1_000, 5_000]
/** Who ordered it gets the answer before the gateway that gives it is gone. */
const answerMs = 150

/**
 * Changes the site file of a running gateway: the trial is on disk before the file is replaced, and the file is replaced before the
 * gateway turns. So a process that dies at any moment leaves a file that is whole and a book that says how to go on.
 */
export class Changes implements DesiredPort {
  readonly #parts: ChangeParts
  #running: { readonly site: Site; readonly text: string }
  /** What a trial goes back to, where this life began it: a failing disk does not keep the house at a bad configuration. */
  #before: { readonly site: Site; readonly text: string } | null = null
  /** It is back in force, and the disk does not hold that yet. */
  #owed: Reason | null = null
  #gateway: ChangedGateway | null = null
  #findings: readonly ChangeFinding[] = []
  #edited = false
  #turn = Promise.withResolvers<void>()
  #why = ''
  /** Of the file as it was last read, so that it is not read again each time. */
  #seen = ''
  #busy: Promise<unknown> = Promise.resolve()
  #boot: BootTime | null = null
  /** Told once a gateway stands that can tell. */
  #untold: { readonly events: GatewayEvent[]; readonly alerts: RaiseAlert[] }
  #cancel: () => void = () => {}
  readonly #watchers = new Set<() => void>()

  constructor(parts: ChangeParts) {
    this.#parts = parts
    this.#running = parts
    this.#untold = { events: [...parts.untold.events], alerts: [...parts.untold.alerts] }
  }

  get site(): Site { return this.#running.site }
  /** Resolves when another site than this one is to run; at once where that is so already. */
  async turnFrom(site: Site): Promise<Turn> {
    while (this.#running.site === site) await this.#turn.promise
    return { site: this.#running.site, reason: this.#why }
  }

  /** The gateway with the present site file stands. */
  async attach(gateway: ChangedGateway): Promise<void> {
    this.#gateway = gateway
    const { events, alerts } = this.#untold
    this.#untold = { events: [], alerts: [] }
    await this.#tell(gateway, events, alerts)
    this.#changed()
    await this.#look()
  }
  detach(): void { this.#gateway = null; this.#cancel() }

  /** It could not start with the file on trial: the one before is in the file again when this resolves. False: nothing was on trial. */
  async failed(error: unknown): Promise<boolean> {
    if (!this.#parts.book.trial) return false
    await this.#alone(() => this.#back({ code: 'CHANGE_START_FAILED', text: { zh: `网关无法以新配置启动：${describe(error)}`, en: `the gateway could not start with it: ${describe(error)} (${codeOf(error)})` } }))
    return true
  }

  view(): ChangeView {
    const { book } = this.#parts
    const { trial } = book
    return {
      file: this.#running.site.file, inForce: book.inForce, edited: this.#edited, configurations: book.entries(),
      trial: trial ? { number: trial.number, previous: trial.previous, confirm: trial.confirm, windowMs: trial.windowMs, leftMs: this.#boot ? leftMs(trial, this.#boot) : trial.windowMs, findings: this.#findings } : null,
    }
  }

  text(number: number): Promise<string> { return this.#parts.book.text(number) }

  async plan(text: string): Promise<ChangePlan> {
    const site = await this.#parts.read(text)
    return this.#planTo(site, text)
  }

  apply(order: ChangeOrder): Promise<ChangeView> { return this.#alone(() => this.#apply(order)) }

  desired(): DesiredRecord | null { return this.#parts.book.desired }
  applyDesired(order: DesiredOrder): Promise<ChangeView> { return this.#alone(() => this.#apply(order)) }

  refuseDesired(mark: DesiredMark, code: string, detail: string): Promise<void> {
    return this.#alone(async () => { await this.#parts.book.remember({ ...mark, at: this.#parts.clock.now(), code, detail }); this.#changed() })
  }

  watch(listener: () => void): () => void {
    this.#watchers.add(listener)
    return () => { this.#watchers.delete(listener) }
  }

  async *texts(): AsyncIterable<string> {
    yield await this.#lying()
    for (const { number } of this.#parts.book.entries()) yield await this.#parts.book.text(number).catch(() => '')
  }

  confirm(by: ChangeAuthor, anyway = false): Promise<ChangeView> {
    return this.#alone(async () => {
      const { trial } = this.#parts.book
      if (!trial || this.#owed) throw new ConfigError('CHANGE_NO_TRIAL', 'nothing is on trial; linli configurations shows what is in force')
      if (!this.#gateway) throw turning()
      await this.#check()
      const [worst] = this.#findings
      if (worst && !anyway) throw new ConfigError('CHANGE_UNHEALTHY', `configuration ${trial.number} is not well: ${worst.text.en}${this.#findings.length > 1 ? `, and ${this.#findings.length - 1} more` : ''}; wait, roll it back, or confirm it anyway`)
      await this.#stays(`confirmed by ${by.by || by.origin}`)
      return this.view()
    })
  }

  async rollBack({ number, ...order }: ChangeAuthor & { readonly number?: number | undefined; readonly reason: string; readonly windowMs: number }): Promise<ChangeView> {
    const { book } = this.#parts
    if (book.trial && (number === undefined || number === book.trial.previous)) {
      return this.#alone(async () => {
        const unstored = await this.#back({ code: 'CHANGE_TAKEN_BACK', text: { zh: `由 ${order.by || order.origin} 撤回${order.reason ? `：${order.reason}` : ''}`, en: `taken back by ${order.by || order.origin}${order.reason ? `: ${order.reason}` : ''}` } })
        if (unstored) throw unstored.error
        return this.view()
      })
    }
    const target = number ?? book.before()
    if (target === null) throw new ConfigError('CONFIGURATION_UNKNOWN', 'there is no configuration before this one')
    return this.apply({ ...order, reason: order.reason || `back to ${target}`, text: await book.text(target), confirm: 'health', acceptLoss: true })
  }

  async #apply({ text, reason, confirm, windowMs, acceptLoss = false, overwrite = false, by, origin, base, desired }: ChangeOrder & Partial<Pick<DesiredOrder, 'base' | 'desired'>>): Promise<ChangeView> {
    const { book, clock, log } = this.#parts
    if (book.trial) throw new ConfigError('CHANGE_TRIAL_RUNNING', `configuration ${book.trial.number} is on trial; confirm it or roll it back first`)
    const gateway = this.#gateway
    if (!gateway) throw turning()
    if (base !== undefined && base !== hashOf(this.#running.text)) throw new ConfigError('CHANGE_BASE', `it was built upon another configuration than the one that runs, ${book.inForce} (${hashOf(this.#running.text).slice(0, 12)}…); build it upon that one`)
    const site = await this.#parts.read(text)
    const plan = await this.#planTo(site, text)
    const refused = plan.risks.find(({ kind }) => kind === 'refused')
    if (refused) throw new ConfigError('CHANGE_REFUSED', refused.text.en)
    const losses = plan.risks.filter(({ kind }) => kind === 'loss')
    if (losses.length > 0 && !acceptLoss) throw new ConfigError('CHANGE_LOSS', `${losses.map((loss) => loss.text.en).join('; ')}; no roll-back brings that again. Apply it with --accept-loss if that is meant`)
    const lying = await this.#lying()
    if (await this.#isEdited(lying) && hashOf(lying) !== hashOf(text)) {
      if (!overwrite) throw new ConfigError('CHANGE_FILE_EDITED', `${site.file} was changed by hand since the gateway read it; apply that file itself, or write over it with --overwrite (it is kept among the configurations)`)
      await book.found(lying, clock.now(), { reason: 'changed by hand, never in force', aside: true })
    }
    if (hashOf(text) === hashOf(this.#running.text)) {
      if (!desired) throw new ConfigError('CHANGE_SAME', `this is what the gateway runs with: configuration ${book.inForce}`)
      await book.remember({ ...desired, at: clock.now(), number: book.inForce, outcome: 'confirmed', detail: 'it was in force already' })
      this.#changed()
      return this.view()
    }
    const boot = await this.#parts.boot()
    const { connections } = site
    const still = { connections: connections.map(({ id }) => id), devices: connections.flatMap(({ devices }) => devices.map(({ id }) => id)), uplinks: site.uplinks.map(({ id }) => id), console: site.console.enabled }
    await this.#writable(site.file)
    const previous = book.inForce
    const number = await book.begin(text, { by, origin }, clock.now(), reason, { confirm, windowMs, boot: boot.boot, beganAt: boot.upMs, baseline: baselineOf(gateway.status(), still) }, desired)
    this.#boot = boot
    log.info({ configuration: number, previous, by, origin }, 'a new configuration is on trial')
    this.#untold.events.push(this.#event('configuration-applied', { number, previous, hash: hashOf(text), by: by || origin, origin, confirm, windowMs, ...(reason ? { note: reason } : {}) }))
    await this.#put(text).catch(async (error: unknown) => { await book.settle('rolled-back', describe(error), codeOf(error)); this.#untold.events.length = 0; throw error })
    this.#before = this.#running
    this.#go(site, text, `configuration ${number}`)
    return this.view()
  }

  /** The trial is over and it stays. */
  async #stays(note: string): Promise<void> {
    const { book, log } = this.#parts
    const number = book.inForce
    await book.settle('confirmed', note)
    log.info({ configuration: number }, `configuration ${number} stays: ${note}`)
    this.#findings = []
    this.#before = null
    this.#changed()
    if (this.#gateway) await this.#tell(this.#gateway, [this.#event('configuration-confirmed', { number, hash: book.hash(number) ?? '', note })], [])
  }

  /** What a disk does not take is no reason to leave a trial unjudged. */
  async #tell(gateway: ChangedGateway, events: readonly GatewayEvent[], alerts: readonly RaiseAlert[]): Promise<void> {
    if (events.length + alerts.length === 0) return
    await gateway.tell(events, alerts).catch((error: unknown) => this.#parts.log.error({ code: codeOf(error) }, `what became of a configuration could not be stored: ${describe(error)}`))
  }

  /** The one before goes into the file, then into the book, then into force; into force also where the disk takes neither: then it is tried again. */
  async #back({ code, text: why }: Reason): Promise<{ readonly error: unknown } | null> {
    const { book, clock, log } = this.#parts
    const { trial } = book
    if (!trial) return null
    const { site, text } = this.#before ?? await this.#previous(trial.previous)
    const unstored = await this.#restore(text, trial, code, `${why.en} (${code})`).then(() => null, (error: unknown) => ({ error }))
    this.#owed = unstored ? { code, text: why } : null
    // Tried before: it is in force already.
    if (this.#running.text === text) { this.#changed(); return unstored }
    if (unstored) log.error({ code: codeOf(unstored.error) }, `configuration ${trial.previous} is in force again, and the disk does not hold that yet: ${describe(unstored.error)}`)
    log.error({ code, configuration: trial.number, previous: trial.previous }, `configuration ${trial.number} was taken back: ${why.en}`)
    this.#findings = []
    const untold = rolledBack(trial.number, trial.previous, { code, text: why }, clock.now())
    this.#untold.events.push(...untold.events)
    this.#untold.alerts.push(...untold.alerts)
    this.#go(site, text, `back to configuration ${trial.previous}`)
    return unstored
  }

  async #previous(number: number): Promise<{ readonly site: Site; readonly text: string }> {
    const text = await this.#parts.book.text(number)
    return { site: await this.#parts.read(text), text }
  }

  async #restore(text: string, trial: Trial, code: string, note: string): Promise<void> {
    const { book, clock } = this.#parts
    const lying = await this.#lying()
    const edited = ![hashOf(text), book.hash(trial.number)].includes(hashOf(lying))
    if (edited) await book.found(lying, clock.now(), { reason: 'changed by hand during a trial, never in force', aside: true })
    await this.#put(text)
    await book.settle('rolled-back', note, code)
    this.#before = null
  }

  #changed(): void { for (const watcher of this.#watchers) watcher() }

  #event(action: string, data: GatewayEvent['data']): GatewayEvent { return gatewayEvent(this.#parts.clock.now(), { action, ...data }) }

  #go(site: Site, text: string, reason: string): void {
    this.#running = { site, text }
    this.#seen = ''
    this.#why = reason
    this.#changed()
    this.#parts.clock.after(answerMs, () => {
      const { resolve } = this.#turn
      this.#turn = Promise.withResolvers()
      resolve()
    })
  }

  /** What reads site files is loaded when one is. */
  async #planTo(site: Site, text: string): Promise<ChangePlan> {
    const [{ planChange }, { versionOf }] = await Promise.all([import('../../firmware-config/apply/plan.ts'), import('../../firmware-config/apply/version.ts')])
    return planChange(versionOf(this.#running.site, this.#running.text), versionOf(site, text))
  }

  /** One change at a time. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#busy.then(work, work)
    this.#busy = turn.catch(() => {})
    return turn
  }

  async #check(): Promise<void> {
    const { book, answers, boot } = this.#parts
    const { trial } = book
    this.#boot = await boot()
    await this.#compare()
    if (!trial || !this.#gateway) { this.#findings = []; return }
    const silent = await answers(this.#running.site) ? [] : [{ code: 'CHANGE_CONTROL_SILENT', text: { zh: '控制套接字没有应答', en: `the control socket ${this.#running.site.control.socket} does not answer` } }]
    this.#findings = [...(this.#gateway ? healthOf(this.#gateway.status(), trial.baseline) : []), ...silent]
  }

  async #look(): Promise<void> {
    try { await this.#alone(() => this.#judge()) } catch (error) { this.#parts.log.error({ code: codeOf(error) }, describe(error)) }
    if (this.#gateway) this.#cancel = this.#parts.clock.after(this.#parts.book.trial ? lookMs : seldomMs, () => { void this.#look() })
  }

  async #judge(): Promise<void> {
    if (!this.#gateway) return
    await this.#check()
    const { trial } = this.#parts.book
    if (!trial || !this.#boot) return
    if (this.#owed) return void await this.#back(this.#owed)
    const verdict = judge(trial, this.#boot, this.#findings)
    if (verdict.do === 'confirm') await this.#stays('all that worked before works')
    if (verdict.do === 'roll-back') await this.#back(verdict.why)
  }

  async #compare(): Promise<void> {
    const { mtimeMs, size, ino } = await stat(this.#running.site.file).catch(() => ({ mtimeMs: 0, size: 0, ino: 0 }))
    const seen = `${mtimeMs} ${size} ${ino}`
    if (seen === this.#seen) return
    const edited = await this.#isEdited(await this.#lying())
    this.#seen = seen
    if (edited === this.#edited) return
    this.#edited = edited
    this.#changed()
  }

  /** Somebody else changed it; linli migrate changes nothing of what it says. */
  async #isEdited(lying: string): Promise<boolean> {
    return lying !== this.#running.text && !(await import('../../firmware-config/apply/version.ts')).isMigrated(this.#running.text, lying)
  }

  /** What the file holds now; '' where it is gone. */
  async #lying(): Promise<string> { return readFile(this.#running.site.file, 'utf8').then((text) => text.replace(/^\uFEFF/, ''), () => '') }

  async #writable(file: string): Promise<void> {
    // Told before anything begins: a trial that cannot be taken back is none.
    await putFile(file, await readFile(file))
  }

  #put(text: string): Promise<void> { return putFile(this.#running.site.file, text) }
}

const turning = (): ConfigError => new ConfigError('CHANGE_UNAVAILABLE', 'the gateway is about to start or stop; try again in a moment', { retriable: true })

/** Whole or not at all; mode and place of a link are kept. Throws ConfigError CHANGE_FILE. */
export async function putFile(file: string, content: string | Uint8Array): Promise<void> {
  try {
    await replaceOwned(file, content)
  } catch (cause) {
    throw new ConfigError('CHANGE_FILE', `${file} cannot be replaced: ${describe(cause)}; the gateway's user must be able to write into its folder`, { cause })
  }
}

/** What the city and the people in the building are told. */
export function rolledBack(number: number, previous: number, { code, text }: Reason, at: number): { readonly events: readonly GatewayEvent[]; readonly alerts: readonly RaiseAlert[] } {
  const taken = code === 'CHANGE_TAKEN_BACK'
  const title = { zh: `新配置 ${number} 已自动撤回：${text.zh}`, en: `configuration ${number} was taken back by itself: ${text.en}` }
  return {
    events: [gatewayEvent(at, { action: 'configuration-rolled-back', number, previous, reason: code, note: text.en })],
    alerts: taken ? [] : [{ kind: 'raise', key: `gateway/configuration/${number}`, ruleId: 'gateway', severity: 3, at, title, data: { configuration: number, previous, code }, momentary: true }],
  }
}
