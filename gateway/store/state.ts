import type { Json, StateStore } from '../contract/index.ts'
import type { Database } from './database.ts'
import { stateKey } from './keys.ts'
import { unseal } from './sealed.ts'

/** What rules, alerts and drivers remember. A damaged entry is one that is not there. */
export function stateStore(database: Database): StateStore {
  return {
    get: async (key) => database.run(async (level) => unseal<Json>(stateKey(key), await level.get(stateKey(key)))),
    entries: async (prefix) => database.run(async (level) => {
      const from = stateKey(prefix)
      const found = await level.iterator({ gte: from, lt: `${from.slice(0, -1)}${String.fromCharCode(from.charCodeAt(from.length - 1) + 1)}` }).all()
      return found.flatMap(([key, value]) => { const parsed = unseal<Json>(key, value); return parsed === undefined ? [] : [[key.slice(2), parsed] as const] })
    }),
  }
}
