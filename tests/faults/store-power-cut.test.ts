import { expect } from 'vitest'
import { Disk, fates, judge, record, sound } from '../support/power-cut.ts'
import { scale, seededRandom } from '../support/seed.ts'
import { itWith } from '../support/tools.ts'

itWith('gcc')('a power cut at any moment loses nothing that was acknowledged, whatever becomes of what was not synced', { timeout: 120_000 }, async () => {
  const random = seededRandom()
  const recording = await record(40)
  const cuts = Array.from({ length: 60 * scale }, () => Math.floor(random() * (recording.entries.length + 1))).toSorted((a, b) => a - b)
  const disk = new Disk(recording)
  for (const [index, cut] of cuts.entries()) {
    disk.advance(cut)
    const fate = fates[index % fates.length]!
    expect({ cut, fate, ...await judge(disk, fate, random) }).toEqual({ cut, fate, ...sound })
  }
  disk.advance(recording.entries.length)
  expect(disk.told().produced.length).toBe(120)
  expect(await judge(disk, 'dropped', random)).toEqual(sound)
})
