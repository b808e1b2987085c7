import { GatewayError, type ErrorDetails } from '../../gateway/kit/index.ts'

export interface NotifyDetails extends ErrorDetails {
  /** Not before: the peer said so, or is known to be angry so long. */
  readonly retryAfterMs?: number
  /** This message alone was refused: another one may get through. */
  readonly content?: boolean
}

/** A message did not get through. `retriable: false`: nor would it later, so it is not tried again. Never holds a secret. */
export class NotifyError extends GatewayError {
  readonly retryAfterMs: number
  readonly content: boolean
  constructor(code: string, message: string, { retryAfterMs = 0, content = false, ...details }: NotifyDetails = {}) {
    super(code, message, details)
    this.retryAfterMs = retryAfterMs
    this.content = content
  }
}

/** What a peer said, fit for a log: one line, short, and without what it may have echoed of our secrets. */
export function said(text: unknown, secrets: readonly string[] = []): string {
  if (typeof text !== 'string') return ''
  let plain = text
  for (const secret of secrets) if (secret.length >= 4) plain = plain.replaceAll(secret, '[redacted]').replaceAll(encodeURIComponent(secret), '[redacted]')
  // oxlint-disable-next-line no-control-regex
  return plain.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim().slice(0, 200)
}
