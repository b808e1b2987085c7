import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { findTool } from '../support/tools.ts'

const folder = path.join(tmpdir(), 'linli-systemd-box')
const groups = (): string | undefined => readFileSync('/proc/mounts', 'utf8').split('\n').map((line) => line.split(' ')).find(([, , kind]) => kind === 'cgroup2')?.[1]

/** Why there can be no box here, or null. The first time it fetches and builds one, a minute. */
export function whyNoBox(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'namespaces and debootstrap need root on Linux'
  const missing = ['debootstrap', 'mke2fs', 'unshare', 'nsenter', 'ip', 'apt-get', 'dpkg-deb'].filter((tool) => findTool(tool) === null)
  if (missing.length > 0) return `${missing.join(', ')} is not installed`
  if (groups() === undefined) return 'no control groups of version 2 are mounted'
  if (!existsSync('/dev/loop-control')) return 'there are no loop devices'
  try { execFileSync('bash', [path.join(import.meta.dirname, 'build.sh'), folder], { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'], timeout: 10 * 60_000 }) } catch (error) {
    return `the system could not be fetched and built: ${String((error as { stderr?: string }).stderr ?? error).trim().split('\n').at(-1)}`
  }
  return null
}

export interface Said { readonly code: number; readonly out: string }

/** A Debian under its own systemd, in namespaces of this machine's kernel. */
export class Box {
  readonly #parts: string
  /** The file that is its disk. */
  readonly disk: string
  #process: ChildProcess | undefined
  #init = 0

  /** `parts`: a folder that it sees read-only as /mnt. `disk`: a file that will be its disk. */
  constructor(parts: string, disk: string) {
    this.#parts = parts
    this.disk = disk
    execFileSync('cp', ['--sparse=always', path.join(folder, 'system.img'), disk])
  }

  /** Resolves when its start is over. Throws when it does not come up. */
  async boot(): Promise<void> {
    const started = spawn('bash', [path.join(import.meta.dirname, 'start.sh'), this.disk, this.#parts], { stdio: ['ignore', 'ignore', 'inherit'] })
    this.#process = started
    const deadline = performance.now() + 60_000
    for (;;) {
      const [init] = existsSync(`/proc/${started.pid}`) ? readFileSync(`/proc/${started.pid}/task/${started.pid}/children`, 'utf8').trim().split(' ') : []
      this.#init = Number(init)
      if (this.#init > 0 && /^(running|degraded)$/.test((await this.run('systemctl is-system-running', 3_000)).out)) return
      if (performance.now() > deadline || started.exitCode !== null) throw new Error('systemd did not come up in its namespaces')
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }

  /** What goes before a command to have it run inside, as at the box's own terminal. */
  get inside(): readonly string[] { return ['nsenter', '-t', String(this.#init), '--all', '--root', '--wd'] }

  /** Runs a bash script as root; `out` is both its streams, trimmed. */
  run(script: string, timeoutMs = 60_000): Promise<Said> {
    return new Promise((resolve) => {
      const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', DEBIAN_FRONTEND: 'noninteractive', LANG: 'C.UTF-8' }
      execFile(this.inside[0]!, [...this.inside.slice(1), 'bash', '-c', `exec 2>&1\n${script}`], { timeout: timeoutMs, killSignal: 'SIGKILL', env, maxBuffer: 1 << 24 }, (error, out) => resolve({ code: error ? Number(error.code ?? 137) : 0, out: out.trim() }))
    })
  }

  /** What a script writes; throws with all it wrote when it fails. */
  async tell(script: string, timeoutMs?: number): Promise<string> {
    const { code, out } = await this.run(script, timeoutMs)
    if (code !== 0) throw new Error(`exit ${code} in the box of:\n${script}\n${out}`)
    return out
  }

  /** Everything is stopped in order and started again, from the same disk and with an empty /run. */
  async reboot(): Promise<void> {
    const gone = new Promise((resolve) => this.#process!.once('exit', resolve))
    await this.run('systemctl reboot')
    await gone
    await this.#sweep()
    await this.boot()
  }

  async stop(): Promise<void> {
    if (!this.#process) return
    const gone = new Promise((resolve) => this.#process!.once('exit', resolve))
    if (this.#process.kill('SIGKILL')) await gone
    await this.#sweep()
  }

  /** Its control groups; who is still in them ends. */
  async #sweep(): Promise<void> {
    const group = path.join(groups()!, `linli-systemd-${this.#process!.pid}`)
    if (!existsSync(group)) return
    writeFileSync(path.join(group, 'cgroup.kill'), '1')
    for (let tries = 0; tries < 50 && /populated 1/.test(readFileSync(path.join(group, 'cgroup.events'), 'utf8')); tries++) await new Promise((resolve) => setTimeout(resolve, 100))
    const inside = readdirSync(group, { recursive: true, withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => path.join(entry.parentPath, entry.name))
    for (const each of [...inside.toSorted((a, b) => b.length - a.length), group]) rmdirSync(each)
  }
}
