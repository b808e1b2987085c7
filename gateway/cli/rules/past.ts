import path from 'node:path'
import { readCapture } from '../../../cloud-sync/capture-inputs.ts'
import { openRaw } from '../../history/index.ts'
import { controlClient } from '../../control/client.ts'
import type { EpochMs, HistoryEntry } from '../../contract/index.ts'
import { codeOf, ConfigError } from '../../kit/index.ts'
import type { Site } from '../rooms.ts'

/** Where the past is read from. */
export interface Past {
  /** In words, for the first line of the answer. */
  readonly source: string
  /** What can be replayed. */
  readonly from: EpochMs
  readonly to: EpochMs
  /** Not every reading, or not when it came: the answer is near, not exact. */
  readonly approximate?: string
  replay(from: EpochMs, to: EpochMs, signal: AbortSignal): AsyncIterable<HistoryEntry>
}

/** Of the running gateway, or of its folder where none runs; or a capture of what went to the city. Throws ConfigError BACKTEST_NO_HISTORY. */
export async function openPast(site: Site, { capture, socket = site.control.socket }: { readonly capture?: string; readonly socket?: string }): Promise<Past> {
  if (capture !== undefined) return captured(capture, site.site.id)
  const client = controlClient(socket)
  try {
    const { raw, to } = await client.historySpan()
    return { source: `the running gateway (${socket})`, ...spanOf(raw === null ? null : { from: raw, to }, site), replay: (...asked) => client.replay(...asked) }
  } catch (error) {
    if (codeOf(error) !== 'CONTROL_UNREACHABLE') throw error
  }
  const folder = path.join(site.store.path, 'history')
  const raw = await openRaw(folder)
  return { source: folder, ...spanOf(raw?.span ?? null, site), replay: (from, to) => raw!.replay(from, to) }
}

function spanOf(span: { readonly from: EpochMs; readonly to: EpochMs } | null, site: Site): { readonly from: EpochMs; readonly to: EpochMs } {
  if (span && span.to > span.from) return span
  throw new ConfigError('BACKTEST_NO_HISTORY', `there is no raw history of ${site.site.id} in ${path.join(site.store.path, 'history')}; let the gateway run for a while with history.enabled, or give --capture FILE`)
}

async function captured(file: string, gateway: string): Promise<Past> {
  const { inputs, from, to } = await readCapture(file, gateway)
  if (inputs.length === 0) throw new ConfigError('BACKTEST_NO_HISTORY', `${file} holds nothing of the gateway "${gateway}"; the site file's site.id must be the one that was captured`)
  return {
    source: file, from, to: to + 1,
    approximate: 'a capture holds what went to the city: changes within a deadband are not in it, and every time is the device\'s',
    async *replay(since, until) { for (const { at, input } of inputs) if (at >= since && at < until) yield input },
  }
}
