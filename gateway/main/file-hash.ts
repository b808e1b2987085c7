import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'

/** The file's content as a short name; null when it cannot be read. */
export const fileHash = (file: string): Promise<string | null> => readFile(file).then((bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 16), () => null)
