import { stat } from 'node:fs/promises'
import path from 'node:path'
import type { EpochMs, History, HistoryEntry } from '../contract/index.ts'
import { arrivalOf } from '../kit/arrival.ts'
import { BlockLog } from './log.ts'
import { decodeRaw } from './raw-block.ts'

/** What lies in a history's folder, for a command that looks while no gateway runs. Writes nothing. `damaged` counts what did not read back. */
export interface RawReader extends Pick<History, 'replay'> {
  /** Of raw readings; null: there are none. */
  readonly span: { readonly from: EpochMs; readonly to: EpochMs } | null
  readonly damaged: number
}

/** `folder`: the history's own. Null: there is no history. */
export async function openRaw(folder: string): Promise<RawReader | null> {
  const raw = path.join(folder, 'raw')
  if (!await stat(raw).catch(() => null)) return null
  const log = new BlockLog(raw)
  await log.find()
  const all = { from: Infinity, to: -Infinity }
  let damaged = 0
  for (const segment of log.segments) {
    for await (const { kind, from, to } of log.heads(segment)) {
      if (kind !== 'raw') continue
      all.from = Math.min(all.from, from)
      all.to = Math.max(all.to, to)
    }
  }
  return {
    span: all.from > all.to ? null : all,
    get damaged() { return damaged },
    async *replay(from, to) {
      for (const segment of log.segments) {
        for await (const { payload } of log.blocks(segment, (head) => head.kind === 'raw' && head.to >= from && head.from < to, () => { damaged++ })) {
          let inputs: readonly HistoryEntry[]
          try { inputs = decodeRaw(payload) } catch { damaged++; continue }
          for (const input of inputs) { const at = arrivalOf(input); if (at >= from && at < to) yield input }
        }
      }
    },
  }
}
