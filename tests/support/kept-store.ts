import { onTestFinished } from 'vitest'
import type { Journal } from '../../gateway/contract/index.ts'
import { openStore } from './store-city.ts'

/** A journal with the city's own format, disposed when the test ends. */
export async function keptStore(folder: string, options: Parameters<typeof openStore>[1] = {}): Promise<Journal> {
  const journal = await openStore(folder, options)
  onTestFinished(async () => { await journal[Symbol.asyncDispose]() })
  return journal
}
