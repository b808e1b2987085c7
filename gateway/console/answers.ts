import { codeOf, describe, GatewayError } from '../kit/index.ts'
import type { Problem } from './api/index.ts'

const statuses: Readonly<Record<string, number>> = {
  CONSOLE_LOGIN: 401, CONSOLE_ROLE: 403, CONSOLE_ORIGIN: 403, CONSOLE_HOST: 421, CONSOLE_WAIT: 429, CONSOLE_RATE: 429, CONSOLE_BUSY: 503,
  CONSOLE_REQUEST: 400, CONSOLE_UNKNOWN: 404, CONSOLE_CREDENTIALS: 401, CONSOLE_CLAIM: 401, CONSOLE_CLAIM_USED: 401, CONSOLE_CLAIM_EXPIRED: 401, CONSOLE_PASSWORD: 400, CONSOLE_FILE: 503, ALERT_UNKNOWN: 404, POINT_UNKNOWN: 404,
  REPORT_MONTH: 404, REPORT_SHIFT: 404, REPORT_RANGE: 400, REPORT_BUSY: 503,
  PHOTO_INVALID: 400, PHOTO_TOO_LARGE: 413, PHOTO_BUSY: 503, PHOTO_UNKNOWN: 404, PHOTO_STORE: 503, SUPPORT_NONE: 404, CONFIGURATION_UNKNOWN: 404, COMMISSION_UNKNOWN: 404, COMMISSION_FOLDER: 503, CHANGE_UNAVAILABLE: 503,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 415, FST_ERR_CTP_BODY_TOO_LARGE: 413,
}

/** Ours is told as it is; of anything else only that it happened. */
export function problemOf(error: unknown): { readonly status: number; readonly problem: Problem } {
  const code = codeOf(error)
  if (error instanceof GatewayError) {
    const { retryAfterMs } = error.values
    return { status: statuses[code] ?? 409, problem: { code, message: describe(error), ...(typeof retryAfterMs === 'number' ? { retryAfterMs: Math.ceil(retryAfterMs) } : {}) } }
  }
  const status = statuses[code] ?? (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' && error.statusCode >= 400 && error.statusCode < 500 ? error.statusCode : 500)
  if (status === 500) return { status, problem: { code: 'INTERNAL', message: 'the gateway failed at this; its log says more' } }
  return { status, problem: { code: 'CONSOLE_REQUEST', message: status === 415 ? 'orders are JSON: content-type application/json' : status === 413 ? 'the order is too long' : 'the request cannot be read' } }
}
