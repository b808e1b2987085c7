import type { EpochMs, Json, JsonObject, Label, Mode, Severity } from '../../gateway/contract/index.ts'
import { steps, type Step } from './words.ts'

/** A record of the alert stream, as main's decoder gives it. */
export interface AlertRecord { readonly type: string; readonly time: string; readonly data: JsonObject; readonly mode?: Mode | undefined }

/** What one event has to say to people. */
export interface Notice {
  /** The alert's id; null for a message that is no alert. */
  readonly alert: string | null
  readonly rule: string
  readonly step: Step
  /** null: a message that is no alert. */
  readonly severity: Severity | null
  readonly title: Label
  readonly at: EpochMs
  readonly raisedAt: EpochMs
  readonly count: number
  readonly device?: string
  readonly place?: string
  readonly by?: string
  readonly note?: string
  readonly mode?: Mode
  /** Persons of the roster who are to be called by name. */
  readonly mention: readonly string[]
}

/** Nobody is told that somebody was told. */
const receipts = new Set(['delivered', 'undelivered'])

/** null: this record is not for the channel. A receipt never is, whatever it names. Odd shapes are passed over, never thrown. */
export function noticeFor(channel: string, { type, time, data, mode }: AlertRecord): Notice | null {
  if (type !== 'org.linli.alert.v1' || typeof data.state !== 'string' || receipts.has(data.state)) return null
  const named = data.notify ?? data.channels
  if (!Array.isArray(named) || !named.includes(channel)) return null
  const step = steps.find((each) => each === data.state) ?? 'changed'
  const at = Date.parse(time)
  const title = labelOf(data.title) ?? labelOf(data.text) ?? { zh: text(data.key) ?? '', en: text(data.key) ?? '' }
  return {
    alert: step === 'notice' ? null : text(data.id) ?? null, rule: text(data.rule) ?? '', step, severity: step === 'notice' ? null : severityOf(data.severity), title, at,
    raisedAt: typeof data.raisedAt === 'number' ? data.raisedAt : at, count: typeof data.count === 'number' ? data.count : 1,
    mention: Array.isArray(data.mention) ? (data.mention as readonly Json[]).filter((each): each is string => typeof each === 'string').slice(0, 20) : [],
    ...optional('device', text(data.device) ?? text(data.point)?.split('.')[0]), ...optional('place', text(data.place)), ...optional('by', text(data.by)),
    ...optional('note', text(data.note) ?? text(data.reason) ?? text(data.comment)), ...(mode ? { mode } : {}),
  }
}

const optional = <K extends string>(key: K, value: string | undefined): Partial<Record<K, string>> => (value ? { [key]: value } as Record<K, string> : {})
const text = (value: Json | undefined): string | undefined => (typeof value === 'string' ? value : undefined)
const severityOf = (value: Json | undefined): Severity => (value === 1 || value === 2 || value === 3 ? value : 4)

function labelOf(value: Json | undefined): Label | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const { zh, en } = value as JsonObject
  return typeof zh === 'string' && typeof en === 'string' ? { zh, en } : undefined
}

/** The gravest first, then the oldest; messages that are no alert last. */
export const gravestFirst = (notices: readonly Notice[]): readonly Notice[] => notices.toSorted((a, b) => (a.severity ?? 5) - (b.severity ?? 5) || a.at - b.at)
