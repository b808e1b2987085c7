import { access, constants, readFile, realpath } from 'node:fs/promises'
import path from 'node:path'
import { ConfigError, describe } from '../../kit/index.ts'
import { replaceOwned } from '../../kit/durable-file.ts'
import type { Proposal } from './draft.ts'

/** Whether this process may change the site file (a new file is put in its place). */
export async function isWritable(file: string): Promise<boolean> {
  const real = await realpath(file).catch(() => file)
  return Promise.all([access(real, constants.W_OK), access(path.dirname(real), constants.W_OK)]).then(() => true, () => false)
}

/** All or nothing; the old file stays beside it as .bak, a link stays a link. Throws ConfigError SCAN_SAVE, also where the file changed meanwhile. */
export async function saveProposal({ file, before, text }: Pick<Proposal, 'file' | 'before' | 'text'>): Promise<{ readonly backup: string }> {
  const refuse = (why: string, cause?: unknown): ConfigError => new ConfigError('SCAN_SAVE', `${file} cannot be changed (${why}); it is as it was; put the shown lines into it by hand`, { cause })
  try {
    if (await readFile(file, 'utf8') !== before) throw refuse('somebody else changed it since it was read')
    return { backup: await replaceOwned(file, text, { backup: true }) }
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw refuse(describe(cause), cause)
  }
}
