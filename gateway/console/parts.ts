import type { ChangePort, Clock, ConnectionConfig, DeadLetters, EventLog, GatewayConditions, History, Label, Modes, PointWriter } from '../contract/index.ts'
import type { AlertControl } from '../control/alerts.ts'
import type { FacilityPort } from '../control/facility.ts'
import type { CommissioningPort } from './commissioning.ts'
import type { DiscoveryPort } from './discovery.ts'
import type { ReportPort } from '../control/report.ts'
import type { Feed } from '../feed.ts'
import type { Logger } from '../kit/index.ts'
import type { LiveValues } from '../live.ts'
import type { PhotoStore } from '../photos/index.ts'
import type { GatewayStatus } from '../status.ts'
import type { LogsPort } from '../support/logs.ts'
import type { CheckUp } from '../support/findings.ts'
import type { BundleJob } from '../support/bundle-job.ts'

/** The site file's section. */
export interface ConsoleConfig {
  readonly listen: { readonly host: string; readonly port: number }
  readonly hosts: readonly string[]
  readonly plainHttp: boolean
  /** `site-ca`: an authority of this site's own, made at the first start. */
  readonly tls?: 'site-ca' | { readonly cert: string; readonly key: string } | undefined
  readonly metrics: 'loopback' | 'open'
}

/** What the composition root lends to the console. */
export interface ConsoleParts {
  readonly config: ConsoleConfig
  /** Of its own files: accounts, sessions, audit. */
  readonly folder: string
  /** The page, as Vite built it. */
  readonly pages: string
  readonly site: { readonly id: string; readonly name: Label; readonly timezone: string; readonly region: string }
  readonly places: Readonly<Record<string, Label>>
  readonly people: readonly { readonly id: string; readonly name: Label; readonly role?: string | undefined }[]
  /** Points that are locks: their policy is that of the door. By door. */
  readonly locks: ReadonlyMap<string, string>
  readonly connections: readonly ConnectionConfig[]
  readonly clock: Clock
  readonly log: Logger
  readonly version: string
  status(): GatewayStatus
  readonly live: LiveValues
  readonly feed: Feed
  readonly alerts: AlertControl
  readonly facility: FacilityPort
  readonly modes: Modes
  readonly writer: PointWriter
  readonly deadLetters: DeadLetters
  readonly photos: PhotoStore
  readonly history?: History | undefined
  readonly eventLog: Pick<EventLog, 'read'>
  readonly reports: ReportPort
  /** The residents' page, for who is to hang up its codes. */
  readonly residents: { readonly enabled: boolean; readonly url?: string | undefined }
  readonly conditions: GatewayConditions
  /** What support engineers ask for. */
  readonly support: { readonly logs: LogsPort; checkUp(): Promise<CheckUp>; readonly bundles: BundleJob }
  /** Absent where nobody could put another gateway in its place. */
  readonly changes?: ChangePort | undefined
  /** Finding devices. */
  readonly discovery: DiscoveryPort
  readonly commissioning: CommissioningPort
  /** When the last checkpoint was signed. */
  checkpointAt(): number | null
  /** Why it is not ready: codes. */
  unready(): readonly string[]
}
