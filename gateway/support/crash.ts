import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import type { EpochMs } from '../contract/index.ts'
import { codeOf, type LogRing } from '../kit/index.ts'

/** Of the store. What lies here is for a support bundle: the last lines before a stop, and why the gateway fell. */
export const supportFolder = (store: string): string => path.join(store, 'support')
const lastRun = 'last-run.jsonl'
const keptCrashes = 5
const keptLines = 500
const maxStack = 16_384
const maxFileBytes = 1 << 20

/** Synchronous and never throws: the process is about to end. */
export function keepCrash(store: string, error: unknown, { ring, now, version }: { readonly ring: LogRing; readonly now: EpochMs; readonly version: string }): void {
  attempt(() => {
    const folder = supportFolder(store)
    const stack = (error instanceof Error ? error.stack ?? error.message : String(error)).slice(0, maxStack)
    write(folder, `crash-${new Date(now).toISOString().replaceAll(/[:.]/g, '-')}.json`, `${JSON.stringify({ at: new Date(now).toISOString(), version, code: codeOf(error), stack, log: tail(ring) }, null, 1)}\n`)
    const old = readdirSync(folder).filter((name) => name.startsWith('crash-')).toSorted().slice(0, -keptCrashes)
    for (const name of old) rmSync(path.join(folder, name), { force: true })
  })
}

/** At a clean stop. Synchronous and never throws. */
export const keepLastRun = (store: string, ring: LogRing): void => attempt(() => { if (ring.last > 0) write(supportFolder(store), lastRun, tail(ring).join('')) })

const tail = (ring: LogRing): readonly string[] => [...ring.read(ring.last - keptLines)].map(({ line }) => line)
function write(folder: string, name: string, text: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = path.join(folder, name)
  writeFileSync(`${file}.new`, text, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}
/** A disk that fails is no second reason to fall. */
function attempt(work: () => void): void { try { work() } catch { /* Nobody is left to be told. */ } }

/** As they lie there, the newest crash first. Empty where there are none. */
export async function keptFiles(store: string): Promise<{ readonly crashes: readonly { readonly name: string; readonly text: string }[]; readonly lastRun: string | null }> {
  const folder = supportFolder(store)
  const read = async (name: string): Promise<string | null> => {
    const file = path.join(folder, name)
    const size = await stat(file).then((each) => (each.isFile() ? each.size : Infinity), () => Infinity)
    return size > maxFileBytes ? null : readFile(file, 'utf8').catch(() => null)
  }
  const names = (await readdir(folder).catch((): string[] => [])).filter((name) => /^crash-[\dTZ-]+\.json$/.test(name)).toSorted().toReversed().slice(0, keptCrashes)
  const crashes = await Promise.all(names.map(async (name) => ({ name, text: await read(name) ?? '' })))
  return { crashes: crashes.filter(({ text }) => text !== ''), lastRun: await read(lastRun) }
}
