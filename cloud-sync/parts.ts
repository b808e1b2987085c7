import { createHash } from 'node:crypto'
import type { SiteModel, Snapshot } from '../gateway/contract/index.ts'

/** Splits a list so that each part, with `overhead` bytes around it, stays within `maxBytes`. At least one part. */
function split<T>(items: readonly T[], overhead: number, maxBytes: number): T[][] {
  const parts: T[][] = [[]]
  let size = overhead
  for (const item of items) {
    const bytes = Buffer.byteLength(JSON.stringify(item)) + 1
    if (size + bytes > maxBytes && parts.at(-1)!.length > 0) { parts.push([]); size = overhead }
    parts.at(-1)!.push(item)
    size += bytes
  }
  return parts
}

const wrapper = 256

/** The retained model: on `model` when it fits one message, otherwise on `model/1` … `model/n`. `hash` names the whole. */
export function modelParts(model: SiteModel, maxBytes: number): readonly { readonly suffix: string; readonly text: string }[] {
  const { devices, ...site } = model
  const hash = createHash('sha256').update(JSON.stringify(model)).digest('hex')
  const parts = split(devices, Buffer.byteLength(JSON.stringify(site)) + wrapper, maxBytes)
  return parts.map((some, index) => ({
    suffix: parts.length === 1 ? '' : `/${index + 1}`, text: JSON.stringify({ ...site, hash, part: index + 1, parts: parts.length, devices: some }),
  }))
}

/** Current state as of `heads`; alerts travel with the first part. */
export function snapshotParts({ values, alerts, ...rest }: Snapshot, maxBytes: number): readonly string[] {
  const overhead = Buffer.byteLength(JSON.stringify({ ...rest, alerts })) + wrapper
  const parts = split(values, Math.min(overhead, maxBytes / 2), maxBytes)
  return parts.map((some, index) => JSON.stringify({ ...rest, part: index + 1, parts: parts.length, values: some, alerts: index === 0 ? alerts : [] }))
}
