import { createHash } from 'node:crypto'

/** Of a text, for telling whether it is another one. SHA-256, hex. */
export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')
