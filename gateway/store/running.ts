import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'

interface Run { readonly pid: number; readonly boot: string; /** Runs in a row, this one included, that began after one that was not ended. */ readonly unclean: number }

/** So much is read through in a moment; more only where the gateway died twice in a row. */
const quickBytes = 32 << 20

/**
 * A file that stands while a journal is open. What a gateway leaves that was killed, or lost its power, is worth a look before LevelDB
 * begins to merge it: a table with a flipped bit may end the process, at each start anew.
 */
export class Running {
  readonly #file: string
  constructor(folder: string) { this.#file = path.join(folder, 'running') }

  /** Whether the tables in `log` should be looked through. Never while another process has them. */
  async begin(log: string): Promise<boolean> {
    const before = parse(await readFile(this.#file, 'utf8').catch(() => ''))
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim()
    if (before && before.boot === boot && isAlive(before.pid)) return false
    const unclean = before ? before.unclean + 1 : 0
    const run: Run = { pid: process.pid, boot, unclean }
    // Without it the next start looks once less.
    await writeFile(this.#file, JSON.stringify(run), { mode: 0o600 }).catch(() => {})
    return unclean >= 2 || (unclean === 1 && await bytesIn(log) <= quickBytes)
  }

  async end(): Promise<void> { await rm(this.#file, { force: true }).catch(() => {}) }
}

function parse(text: string): Run | null {
  try {
    const { pid, boot, unclean } = JSON.parse(text) as Partial<Run>
    return Number.isSafeInteger(pid) && typeof boot === 'string' && Number.isSafeInteger(unclean) ? { pid: pid!, boot, unclean: unclean! } : null
  } catch {
    return null
  }
}

function isAlive(pid: number): boolean {
  try { return process.kill(pid, 0) } catch { return false }
}

async function bytesIn(folder: string): Promise<number> {
  const sizes = await Promise.all((await readdir(folder).catch((): string[] => [])).map((name) => stat(path.join(folder, name)).then(({ size }) => size, () => 0)))
  return sizes.reduce((sum, size) => sum + size, 0)
}
