/** Every code lives in docs/errors.md; tests/errors.test.ts holds the two together. Decide on `code`, never on `message`. */
export interface ErrorDetails {
  readonly cause?: unknown
  /** The same call may work later. */
  readonly retriable?: boolean
  /** Values that matter: device, point, address, expected, seen. Never a secret. */
  readonly values?: Readonly<Record<string, unknown>>
}

/** `message` is one English sentence that names the device or point, the cause and the next step. */
export class GatewayError extends Error {
  readonly code: string
  readonly retriable: boolean
  readonly values: Readonly<Record<string, unknown>>
  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
    this.code = code
    this.retriable = details.retriable ?? false
    this.values = details.values ?? {}
  }
}
/** The site file, a profile or the environment is wrong. */
export class ConfigError extends GatewayError {}
/** A device, bus or local broker. */
export class DriverError extends GatewayError {}
/** The journal or its disk. */
export class StoreError extends GatewayError {}
/** The road to the city. */
export class UplinkError extends GatewayError {}
/** Bytes from outside that do not parse, or ours that do not fit. */
export class DataError extends GatewayError {}

/** The code of anything thrown: ours, or Node's (`ECONNREFUSED`), else INTERNAL. */
export function codeOf(error: unknown): string {
  if (error && typeof error === 'object' && 'code' in error && typeof error.code === 'string') return error.code
  return 'INTERNAL'
}

/** One line for a log or a person. */
export function describe(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error)
}

/** True for what an aborted AbortSignal throws. */
export function isAbort(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && (error === signal.reason || (error instanceof Error && error.name === 'AbortError'))
}
