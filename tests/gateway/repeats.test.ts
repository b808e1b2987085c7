import { describe, expect, it } from 'vitest'
import type { Occurrence } from '../../gateway/contract/index.ts'
import { Repeats } from '../../gateway/repeats.ts'

const session = (sourceId?: string): Occurrence => ({ deviceId: 'terminal-1', type: 'kiosk', at: 0, data: {}, ...(sourceId === undefined ? {} : { sourceId }) })

function take(repeats: Repeats, id: string, now: number) {
  const { known, key } = repeats.check(session(id))
  return { known, writes: known ? [] : repeats.remember([key!], now) }
}

describe('a device\'s own event id', () => {
  it('counts once', () => {
    const repeats = new Repeats()
    expect(take(repeats, 's1', 0).known).toBe(false)
    expect(take(repeats, 's1', 5).known).toBe(true)
    expect(repeats.dropped).toBe(1)
  })
  it('is never guessed where the device gives none', () => {
    const repeats = new Repeats()
    expect([repeats.check(session()).known, repeats.check(session()).known]).toEqual([false, false])
  })
  it('is still known after a restart', () => {
    const [write] = take(new Repeats(), 's1', 7).writes
    const reopened = new Repeats()
    reopened.restore([[write!.key, write!.value]])
    expect(take(reopened, 's1', 8).known).toBe(true)
  })
  it('is let go after 24 h, and its state with it', () => {
    const repeats = new Repeats()
    take(repeats, 's1', 0)
    expect(take(repeats, 's2', 24 * 3_600_000).writes).toContainEqual({ key: 'seen/terminal-1/s1', value: null })
    expect(take(repeats, 's1', 24 * 3_600_000).known).toBe(false)
  })
  it('never fills memory: beyond the limit the oldest go first', () => {
    const repeats = new Repeats(2)
    for (const id of ['a', 'b', 'c']) take(repeats, id, 0)
    expect([take(repeats, 'b', 1).known, take(repeats, 'c', 1).known, take(repeats, 'a', 1).known]).toEqual([true, true, false])
  })
  it('is forgotten when its commit fails, so that the resend is taken', async () => {
    const repeats = new Repeats()
    const { key } = repeats.check(session('s1'))
    repeats.remember([key!], 0)
    const commit = Promise.reject(new TypeError('disk'))
    repeats.pending([key!], commit)
    expect(repeats.check(session('s1')).stored).toBe(commit)
    await commit.catch(() => {})
    expect(repeats.check(session('s1')).known).toBe(false)
  })
})
