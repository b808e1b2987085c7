import type { Label } from './config.ts'
import type { EpochMs } from './values.ts'

/** Who brought a configuration, and by which road. */
export interface ChangeAuthor {
  /** An account of the box or of the console, an actor of the city. */
  readonly by: string
  readonly origin: 'file' | 'cli' | 'console' | 'city'
}

/** One key of an entry: `path` below it, values as the file writes them; null where there was none. Secrets are not shown. */
export interface ChangedField { readonly path: string; readonly before: string | null; readonly after: string | null }

/** `area`: a top-level key of the site file, or `points`. */
export interface ChangeLine {
  readonly area: string
  readonly id: string
  readonly name?: Label
  readonly what: 'added' | 'removed' | 'changed'
  readonly fields: readonly ChangedField[]
}

/** `refused`: not while it runs. `loss`: something goes for good, and no way back brings it again. `care`: worth knowing before. */
export interface ChangeRisk { readonly kind: 'refused' | 'loss' | 'care'; readonly text: Label }

/** What another site file would change, by meaning and not by line. */
export interface ChangePlan {
  /** Nothing that means anything. */
  readonly same: boolean
  readonly lines: readonly ChangeLine[]
  /** Ids. `kept`: sessions go on, and what they bring meanwhile waits. */
  readonly connections: { readonly kept: readonly string[]; readonly restarted: readonly string[]; readonly opened: readonly string[]; readonly closed: readonly string[] }
  /** What the platform will see. */
  readonly city: readonly Label[]
  /** What the people in the building will notice. */
  readonly staff: readonly Label[]
  readonly risks: readonly ChangeRisk[]
  /** What works but will not please, of the new file. */
  readonly warnings: readonly string[]
}

/** One site file that was in force, or tried. `found`: it lay there at a start. */
export interface Configuration extends ChangeAuthor {
  readonly number: number
  readonly at: EpochMs
  readonly reason: string
  /** SHA-256 of the text, hex. */
  readonly hash: string
  readonly outcome: 'found' | 'trial' | 'confirmed' | 'rolled-back' | 'kept-aside'
  /** How it ended, where that says more than `outcome`: why it was rolled back, who confirmed it. */
  readonly note?: string
}

/** Why a trial is not well. */
export interface ChangeFinding { readonly code: string; readonly text: Label }

export interface TrialView {
  readonly number: number
  readonly previous: number
  /** `person`: it is taken back unless somebody confirms it. `health`: it stays by itself if all is well at the end. */
  readonly confirm: 'person' | 'health'
  readonly windowMs: number
  readonly leftMs: number
  /** Empty: everything that was there before is there again. */
  readonly findings: readonly ChangeFinding[]
}

export interface ChangeView {
  readonly file: string
  /** Number of the one that is in force; during a trial the one that is tried. */
  readonly inForce: number
  readonly trial: TrialView | null
  /** The file is not what the gateway runs with: somebody changed it by hand. */
  readonly edited: boolean
  /** The newest first. */
  readonly configurations: readonly Configuration[]
}

export interface ChangeOrder extends ChangeAuthor {
  readonly text: string
  readonly reason: string
  /** With `person`: taken back unless confirmed within it. With `health`: watched for so long. */
  readonly confirm: 'person' | 'health'
  readonly windowMs: number
  /** Also what cannot be brought back, and over a file that was changed by hand. */
  readonly acceptLoss?: boolean
  readonly overwrite?: boolean
}

/** Changes the site file of a running gateway, and brings the old one back. */
export interface ChangePort {
  view(): ChangeView
  /** Throws ConfigError CONFIGURATION_UNKNOWN. */
  text(number: number): Promise<string>
  /** Against what runs. Throws SiteError CONFIG_INVALID. */
  plan(text: string): Promise<ChangePlan>
  /** Resolves when the new file is on disk and its trial has begun; the gateway turns over right afterwards. Throws SiteError, ConfigError CHANGE_…. */
  apply(order: ChangeOrder): Promise<ChangeView>
  /** Throws ConfigError CHANGE_NO_TRIAL, CHANGE_UNHEALTHY unless `anyway`. */
  confirm(by: ChangeAuthor, anyway?: boolean): Promise<ChangeView>
  /** A trial is taken back at once; without one the configuration `number`, or the one before, is applied anew. */
  rollBack(order: ChangeAuthor & { readonly number?: number | undefined; readonly reason: string; readonly windowMs: number }): Promise<ChangeView>
}
