import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { findTool } from '../support/tools.ts'

const folder = path.join(tmpdir(), 'linli-systemd-vm')

/** Why there can be no machine here, or null. */
export function whyNoMachine(): string | null {
  if (process.arch !== 'x64' || process.platform !== 'linux') return 'the machine is built for x86-64 Linux'
  if (process.getuid?.() !== 0) return 'debootstrap needs root'
  const missing = ['debootstrap', 'qemu-system-x86_64', 'mke2fs', 'apt-get', 'dpkg-deb'].filter((tool) => findTool(tool) === null)
  if (missing.length > 0) return `${missing.join(', ')} is not installed`
  try { execFileSync('bash', [path.join(import.meta.dirname, 'build.sh'), folder], { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'], timeout: 10 * 60_000 }) } catch (error) {
    return `the system could not be fetched and built: ${String((error as { stderr?: string }).stderr ?? error).trim().split('\n').at(-1)}`
  }
  return null
}

/** KVM where the processor really lends it; what only looks like it boots nothing. Emulated it takes some four times as long. */
function accelerator(): readonly string[] {
  const lent = / (vmx|svm) /.test(readFileSync('/proc/cpuinfo', 'utf8').replaceAll('\n', ' '))
  try { accessSync('/dev/kvm', constants.R_OK | constants.W_OK); if (lent) return ['-accel', 'kvm', '-cpu', 'host'] } catch { /* emulated, then */ }
  return ['-accel', 'tcg,thread=multi', '-cpu', 'max']
}

export interface Said { readonly code: number; readonly out: string }

/** A Debian under systemd that is asked over a serial line; what it writes to its disk is gone with it. A reboot keeps it. */
export class Machine {
  readonly #process: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly #console: string

  /** `parts`: a folder that it sees read-only as /mnt; copied into an image at `image`. Resolves when it answers. */
  static async boot(parts: string, image: string): Promise<Machine> {
    execFileSync('mke2fs', ['-q', '-t', 'ext4', '-d', parts, '-F', image, '400M'], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }, stdio: ['ignore', 'ignore', 'pipe'] })
    mkdirSync(folder, { recursive: true })
    const machine = new Machine(image)
    await machine.ready()
    return machine
  }

  private constructor(image: string) {
    this.#console = `${image}.console`
    const disk = (file: string, name: string): string[] => ['-drive', `file=${file},format=raw,if=none,id=${name},snapshot=on,cache=unsafe`, '-device', `nvme,drive=${name},serial=${name}`]
    // Emulated like the GPIO machine: where virtual machines are lent within virtual ones, /dev/kvm may be there and a kernel hang in it. VM_ACCEL=kvm where it works.
    const accelerator = process.env.VM_ACCEL ?? 'tcg,thread=multi'
    this.#process = spawn('qemu-system-x86_64', [
      '-accel', accelerator, '-cpu', accelerator === 'kvm' ? 'host' : 'max', '-M', 'q35', '-smp', '2', '-m', '1024', '-nodefaults', '-no-user-config', '-display', 'none', '-kernel', path.join(folder, 'vmlinuz'),
      '-append', 'root=/dev/nvme0n1 rw console=ttyS0 panic=-1 quiet net.ifnames=0', ...disk(path.join(folder, 'system.img'), 'system'), ...disk(image, 'parts'),
      // The console, the agent's line, and two lines with nothing behind them for the gateway.
      '-chardev', 'stdio,id=agent,signal=off', '-serial', `file:${this.#console}`, '-serial', 'chardev:agent', '-serial', 'null', '-serial', 'null',
    ], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#lines = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]()
  }

  /** Runs a bash script as root; `out` is both its streams, trimmed. Throws when the machine does not answer in time. */
  async run(script: string, timeoutMs = 60_000): Promise<Said> {
    this.#process.stdin!.write(`${Buffer.from(script).toString('base64')}\n`)
    const [, code, out] = await this.#line(/^done (\d+) (\S*)/, timeoutMs, script)
    return { code: Number(code), out: Buffer.from(out!, 'base64').toString().trim() }
  }

  /** What a script writes; throws with all it wrote when it fails. */
  async tell(script: string, timeoutMs?: number): Promise<string> {
    const { code, out } = await this.run(script, timeoutMs)
    if (code !== 0) throw new Error(`exit ${code} in the machine of:\n${script}\n${out}`)
    return out
  }

  /** Off and on again, as `systemctl reboot` does. Resolves when it answers again. */
  async reboot(): Promise<void> {
    this.#process.stdin!.write(`${Buffer.from('systemctl reboot').toString('base64')}\n`)
    await this.ready()
  }

  async ready(): Promise<void> { await this.#line(/^ready (\S+)/, 240_000, 'boot') }

  stop(): void { this.#process.kill('SIGKILL') }

  #printed(): string { try { return readFileSync(this.#console, 'utf8').slice(-3_000) } catch { return 'its console is empty' } }

  async #line(wanted: RegExp, timeoutMs: number, what: string): Promise<RegExpExecArray> {
    let timer: NodeJS.Timeout
    const late = new Promise<never>((_, reject) => { timer = setTimeout(() => reject(new Error(`no answer in ${timeoutMs} ms to: ${what}\n${this.#printed()}`)), timeoutMs) })
    try {
      for (;;) {
        const { value, done } = await Promise.race([this.#lines.next(), late])
        if (done) throw new Error(`the machine ended during: ${what}\n${this.#printed()}`)
        const match = wanted.exec((value as string).trim())
        if (match) return match
      }
    } finally { clearTimeout(timer!) }
  }
}
