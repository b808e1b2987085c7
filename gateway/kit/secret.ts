import { readFile } from 'node:fs/promises'
import type { SecretRef } from '../contract/index.ts'
import { ConfigError } from './errors.ts'

/** The secret without its trailing line break. Throws ConfigError CONFIG_SECRET_MISSING, which names the place and not the secret. */
export async function readSecret(ref: SecretRef): Promise<string> {
  if ('env' in ref) {
    const value = process.env[ref.env]
    if (value) return value
    throw new ConfigError('CONFIG_SECRET_MISSING', `environment variable ${ref.env} is not set; set it to the secret before starting`)
  }
  try {
    const value = (await readFile(ref.file, 'utf8')).replace(/\r?\n$/, '')
    if (value) return value
  } catch (cause) {
    throw new ConfigError('CONFIG_SECRET_MISSING', `cannot read the secret file ${ref.file}; create it, readable by the gateway's user only`, { cause })
  }
  throw new ConfigError('CONFIG_SECRET_MISSING', `the secret file ${ref.file} is empty; write the secret into it`)
}
