import { readFileSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { inHouse, type HouseOptions } from './mqtt-house.ts'

export interface FlashFigures { readonly bytesPerReading: number; /** Of what was written and deleted again before it reached the disk. */ readonly cancelledPerReading: number }

/** LevelDB has merged by then, and the history has written its open block. */
const restMs = 11_000

/** Kernel bytes a reading costs the gateway's process: `publishes` at `perSecond`, or as fast as it takes them, until the city has them all. */
export function flash(publishes: number, { perSecond, ...house }: HouseOptions & { readonly perSecond?: number } = {}): Promise<FlashFigures> {
  refuseMemoryDisk()
  return inHouse({ ...house, noisy: true }, async ({ pid, load, delivered }) => {
    // What the first start writes once is not a reading's: the reserve above all.
    await load(1_000)
    await delivered()
    const before = written(pid)
    await load(publishes, perSecond)
    await delivered()
    await sleep(restMs)
    const after = written(pid)
    const cancelled = after.cancelled - before.cancelled
    return { bytesPerReading: (after.bytes - before.bytes - cancelled) / publishes, cancelledPerReading: cancelled / publishes }
  })
}

/** proc(5), io: pages the process made dirty on a block device, and of those the ones it truncated before they were written. */
function written(pid: number): { readonly bytes: number; readonly cancelled: number } {
  const io = readFileSync(`/proc/${pid}/io`, 'utf8')
  const field = (name: string): number => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(io)![1])
  return { bytes: field('write_bytes'), cancelled: field('cancelled_write_bytes') }
}

const memoryDisks = new Set([0x01021994, 0x858458f6])

/** tmpfs and ramfs count no write bytes: every target would be met. */
function refuseMemoryDisk(): void {
  if (memoryDisks.has(statfsSync(tmpdir()).type)) throw new Error(`${tmpdir()} lies in memory, where the kernel counts no writes; set TMPDIR to a folder on a disk`)
}
