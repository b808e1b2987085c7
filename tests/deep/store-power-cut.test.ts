import { expect } from 'vitest'
import { Disk, fates, judge, record, sound } from '../support/power-cut.ts'
import { seededRandom } from '../support/seed.ts'
import { itWith } from '../support/tools.ts'

itWith('gcc')('a power cut after each single write, sync, rename and deletion of three lives loses nothing that was acknowledged', async () => {
  const random = seededRandom()
  const recording = await record(60)
  const disk = new Disk(recording)
  for (let cut = 0; cut <= recording.entries.length; cut++) {
    disk.advance(cut)
    for (const fate of fates) expect({ cut, fate, ...await judge(disk, fate, random) }).toEqual({ cut, fate, ...sound })
  }
})
