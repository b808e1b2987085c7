import { readdir, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { codeOf, DataError, StoreError, type Logger } from '../../gateway/kit/index.ts'
import { createFile, makeFolder, replaceFile } from '../../gateway/kit/durable-file.ts'
import { checkResult, counted, readCommissioning, type SignedCommissioning } from './report.ts'

/** What was done so far. `point`: the one it is at. */
const progress = z.strictObject({
  format: z.literal(1), by: z.string(), beganAt: z.number(), point: z.string().nullable(),
  results: z.array(z.strictObject({ wiring: z.string(), result: checkResult })).max(20_000),
})
export type Progress = z.output<typeof progress>

/** `id`: when it ended, epoch ms. */
export interface ReportSummary { readonly id: string; readonly at: number; readonly by: string; readonly passed: number; readonly failed: number; readonly skipped: number }

/** As many reports are kept; the oldest goes. */
const mostReports = 50
const reportName = /^(\d{13})\.json$/

const stored = <T>(work: Promise<T>, file: string): Promise<T> => work.catch((cause: unknown) => { throw new StoreError('COMMISSION_FOLDER', `cannot write ${file} (${codeOf(cause)}); check space and owner of its folder, and order it again`, { cause, retriable: true }) })

/** `<store>/commission`: the commissioning that goes on, and the reports of those that ended. */
export class CommissionFolder {
  readonly #folder: string
  readonly #log: Logger
  constructor(folder: string, log: Logger) { this.#folder = folder; this.#log = log }
  get #progress(): string { return path.join(this.#folder, 'progress.json') }

  /** Null: none goes on. One that cannot be read is set aside: it may not stand in the way of a new one. */
  async read(): Promise<Progress | null> {
    const text = await readFile(this.#progress, 'utf8').catch((error: unknown) => { if (codeOf(error) === 'ENOENT') return null; throw new StoreError('COMMISSION_FOLDER', `cannot read ${this.#progress} (${codeOf(error)}); check its owner`, { cause: error }) })
    if (text === null) return null
    try { return progress.parse(JSON.parse(text)) } catch {
      this.#log.error({ code: 'COMMISSION_FOLDER', file: this.#progress }, 'the progress of a commissioning cannot be read; it was set aside as progress.json.damaged')
      await stored(rename(this.#progress, `${this.#progress}.damaged`), this.#progress)
      return null
    }
  }
  /** Throws StoreError COMMISSION_FOLDER. */
  async write(known: Progress): Promise<void> {
    await stored(makeFolder(this.#folder), this.#folder)
    await stored(replaceFile(this.#progress, JSON.stringify(known)), this.#progress)
  }
  async clear(): Promise<void> { await stored(rm(this.#progress, { force: true }), this.#progress) }

  /** The newest first; what is no sound report is left out and told in the log. */
  async reports(): Promise<readonly ReportSummary[]> {
    const ids = await this.#ids()
    const found = await Promise.all(ids.map((id) => this.report(id).then((report) => [summaryOf(id, report)], (error: unknown) => { this.#log.warn({ code: codeOf(error), report: id }, 'a commissioning report cannot be read'); return [] })))
    return found.flat()
  }
  /** Throws DataError COMMISSION_UNKNOWN, COMMISSION_UNREADABLE, COMMISSION_FORGED. */
  async report(id: string): Promise<SignedCommissioning> {
    const file = path.join(this.#folder, `${id}.json`)
    const text = reportName.test(`${id}.json`) ? await readFile(file, 'utf8').catch(() => null) : null
    if (text === null) throw new DataError('COMMISSION_UNKNOWN', 'this commissioning report is no longer kept; choose one of the list')
    return readCommissioning(text, file)
  }
  /** Throws StoreError COMMISSION_FOLDER. */
  async add(report: SignedCommissioning): Promise<ReportSummary> {
    await stored(makeFolder(this.#folder), this.#folder)
    let at = report.commissioning.endedAt
    const file = (): string => path.join(this.#folder, `${at}.json`)
    while (!await stored(createFile(file(), `${JSON.stringify(report)}\n`), file())) at++
    for (const id of (await this.#ids()).slice(mostReports)) await rm(path.join(this.#folder, `${id}.json`), { force: true })
    return summaryOf(String(at), report)
  }
  async #ids(): Promise<readonly string[]> {
    const names = await readdir(this.#folder).catch(() => [])
    return names.flatMap((name) => reportName.exec(name)?.[1] ?? []).toSorted().toReversed()
  }
}

export const summaryOf = (id: string, { commissioning }: SignedCommissioning): ReportSummary => ({ id, at: commissioning.endedAt, by: commissioning.by, ...counted(commissioning) })
