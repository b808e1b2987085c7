import { expect } from 'vitest'
import { fileSystems } from '../support/cut-disk.ts'
import { acknowledged, cutAt, record } from '../support/power-cut.ts'
import { scale, seededRandom } from '../support/seed.ts'
import { itWith } from '../support/tools.ts'

itWith('gcc')('a power cut at any moment loses nothing acknowledged and gives no number to two contents', { timeout: 90_000 * scale }, async () => {
  const random = seededRandom()
  const operations = await record()
  for (const system of fileSystems) {
    const cuts = Array.from({ length: 20 * scale }, () => Math.floor(random() * (operations.length + 1)))
    expect(acknowledged).toContain(await cutAt(operations, system, [...cuts, operations.length]))
  }
})
