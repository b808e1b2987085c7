import { access, mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, DriverError } from '../../gateway/kit/index.ts'

const configfs = '/sys/kernel/config/gpio-sim'

/** A chip of the kernel's gpio-sim module (Linux 5.17), with its wires: what is pulled is read, what is driven is seen. Levels are electric. */
export class SimChip implements AsyncDisposable {
  readonly label: string
  readonly #folder: string
  #name = ''
  #lines = ''

  private constructor(label: string, folder: string) { this.label = label; this.#folder = folder }

  /** `names`: the lines that have one. Throws DriverError GPIO_UNAVAILABLE where the kernel has no gpio-sim or we are not root. */
  static async create(label: string, lines: number, names: ReadonlyMap<number, string> = new Map()): Promise<SimChip> {
    const folder = path.join(configfs, `linli-${label.replace(/[^a-zA-Z0-9-]/g, '-')}`)
    const bank = path.join(folder, 'bank0')
    const chip = new SimChip(label, folder)
    try {
      await access(configfs)
      // A simulator that was killed left its chip: it is taken down before it is set up again.
      if (await access(folder).then(() => true, () => false)) await chip[Symbol.asyncDispose]()
      await mkdir(bank, { recursive: true })
      await writeFile(path.join(bank, 'num_lines'), String(lines))
      await writeFile(path.join(bank, 'label'), label)
      for (const [offset, name] of names) {
        await mkdir(path.join(bank, `line${offset}`))
        await writeFile(path.join(bank, `line${offset}`, 'name'), name)
      }
      await chip.plug()
    } catch (cause) {
      throw new DriverError('GPIO_UNAVAILABLE', `a simulated chip "${label}" cannot be made (${describe(cause)}); it needs root and the kernel's gpio-sim: modprobe gpio-sim`, { cause })
    }
    return chip
  }

  /** Such as `gpiochip0`; another one after each {@link plug}. */
  get name(): string { return this.#name }

  async plug(): Promise<void> {
    await writeFile(path.join(this.#folder, 'live'), '1')
    this.#name = (await readFile(path.join(this.#folder, 'bank0/chip_name'), 'latin1')).trim()
    const device = (await readFile(path.join(this.#folder, 'dev_name'), 'latin1')).trim()
    this.#lines = path.join('/sys/devices/platform', device, this.#name)
  }
  unplug(): Promise<void> { return writeFile(path.join(this.#folder, 'live'), '0') }

  /** What is wired to the line pulls it up or down. */
  pull(offset: number, high: boolean): Promise<void> { return writeFile(path.join(this.#lines, `sim_gpio${offset}`, 'pull'), high ? 'pull-up' : 'pull-down') }
  /** The line's electric level: what drives it, or pulls it. */
  async level(offset: number): Promise<boolean> { return (await readFile(path.join(this.#lines, `sim_gpio${offset}`, 'value'), 'latin1')).trim() === '1' }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unplug().catch(() => {})
    const bank = path.join(this.#folder, 'bank0')
    for (const line of (await readdir(bank).catch(() => [])).filter((name) => name.startsWith('line'))) await rmdir(path.join(bank, line)).catch(() => {})
    await rmdir(bank).catch(() => {})
    await rmdir(this.#folder).catch(() => {})
  }
}
