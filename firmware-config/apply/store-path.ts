import path from 'node:path'
import { parseSiteText } from '../site/site-text.ts'
import { isObject } from '../site/plain.ts'
import { Problems } from '../site/problems.ts'

/** Where the store of a site file lies that cannot be read as a whole: a trial that broke it is found there. */
export function storePathOf(file: string, text: string): string {
  const root = parseSiteText(file, text, new Problems())?.value
  const store = isObject(root) ? root.store : undefined
  const where = isObject(store) && typeof store.path === 'string' && store.path !== '' ? store.path : './data'
  return path.resolve(path.dirname(path.resolve(file)), where)
}
