import { describe, expect, it } from 'vitest'
import { Suspects } from '../../cloud-sync/suspects.ts'

const record = (seq: number) => ({ stream: 'event', epoch: 'e', seq })
/** The broker closes on this record until it is given up. */
function condemn(suspects: Suspects, seq: number, now: number): void {
  for (let deaths = 0; !suspects.isCondemned(record(seq)); deaths++) {
    expect(deaths).toBeLessThan(10)
    suspects.died(record(seq), suspects.isCareful('event'))
  }
  suspects.givenUp('event', now)
}

describe('a broker that closes the connection on records', () => {
  it('costs the one record that is to blame, and nothing rests', () => {
    const suspects = new Suspects()
    condemn(suspects, 1, 0)
    expect(suspects.isResting('event', 0)).toBe(false)
    suspects.answered('event')
    condemn(suspects, 9, 1)
    expect(suspects.isResting('event', 1)).toBe(false)
  })
  it('on everything costs three, and then one in ten minutes', () => {
    const suspects = new Suspects()
    for (const seq of [1, 2, 3]) condemn(suspects, seq, seq)
    expect(suspects.isResting('event', 4)).toBe(true)
    expect(suspects.isResting('alert', 4)).toBe(false)
    expect(suspects.isResting('event', 600_004)).toBe(false)
    condemn(suspects, 4, 600_004)
    expect(suspects.isResting('event', 600_005)).toBe(true)
  })
  it('is trusted again with its first answer', () => {
    const suspects = new Suspects()
    for (const seq of [1, 2, 3]) condemn(suspects, seq, seq)
    suspects.answered('event')
    expect(suspects.isResting('event', 5)).toBe(false)
    condemn(suspects, 4, 6)
    expect(suspects.isResting('event', 7)).toBe(false)
  })
})
