import type { EpochMs, PerStream, Stream } from '../contract/index.ts'
import { perStream } from './keys.ts'

/** Where a stream stands: its last record, and totals since its beginning (over all epochs). */
export interface StreamHead { readonly epoch: string; readonly seq: number; readonly hash: string; readonly records: number; readonly bytes: number; readonly at: EpochMs }
export type Heads = Readonly<PerStream<StreamHead>>

export const emptyHeads = (streams: readonly Stream[]): Heads => perStream(streams, () => ({ epoch: '', seq: 0, hash: '', records: 0, bytes: 0, at: 0 }))
