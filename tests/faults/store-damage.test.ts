import { describe, expect, it } from 'vitest'
import { nothingWrong } from '../support/store-city.ts'
import { damages, outlive, wornStore, type Worn } from '../support/store-damage.ts'
import { scale, seededRandom } from '../support/seed.ts'

describe('after', () => {
  const random = seededRandom()
  for (const damage of damages) {
    it(`${damage.name} the store opens, and everything it acknowledged is delivered or declared`, { timeout: 60_000 * scale }, async () => {
      const worn: Worn = await wornStore()
      // A table that is cut off costs three attempts with back-off each.
      const times = damage.name.startsWith('a table cut') ? 2 * scale : damage.deadly ? 3 * scale : /bits|cut off/.test(damage.name) ? 12 * scale : 1
      for (let turn = 0; turn < times; turn++) expect({ turn, ...await outlive(worn, damage, random) }).toEqual({ turn, ...nothingWrong })
    })
  }
})
