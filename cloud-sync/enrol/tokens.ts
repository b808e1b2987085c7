import { createHash, randomBytes } from 'node:crypto'
import { readdir, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import type { EpochMs } from '../../gateway/contract/index.ts'
import { makeFolder } from '../../gateway/kit/durable-file.ts'
import { codeOf } from '../../gateway/kit/index.ts'
import { put } from './files.ts'

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex')

/**
 * One-time tokens of the pilot authority, each a file named by its hash: the token itself is kept nowhere. Using one moves its file,
 * which succeeds for one of those who try and for no second, over processes too.
 */
export class Tokens {
  readonly #folder: string
  constructor(folder: string) { this.#folder = folder }

  async make(gateway: string, until: EpochMs): Promise<string> {
    const token = randomBytes(24).toString('base64url')
    await put(path.join(this.#folder, 'open', hashOf(token)), JSON.stringify({ gateway, until }), 0o600)
    return token
  }

  /** True once, for the right gateway and in time. A token shown by another gateway is burnt: somebody has it who should not. */
  async use(gateway: string, token: string, now: EpochMs): Promise<boolean> {
    const name = hashOf(token)
    const used = path.join(this.#folder, 'used')
    await makeFolder(used)
    try {
      await rename(path.join(this.#folder, 'open', name), path.join(used, name))
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false
      throw error
    }
    const { gateway: whose, until } = JSON.parse(await readFile(path.join(used, name), 'utf8')) as { readonly gateway: string; readonly until: number }
    return whose === gateway && now < until
  }

  /** Forgets those that lapsed unused. */
  async sweep(now: EpochMs): Promise<void> {
    const open = path.join(this.#folder, 'open')
    for (const name of await readdir(open).catch(() => [])) {
      const { until } = JSON.parse(await readFile(path.join(open, name), 'utf8').catch(() => '{"until":0}')) as { readonly until: number }
      if (until <= now) await rm(path.join(open, name), { force: true })
    }
  }
}
