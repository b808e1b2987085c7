import { expect } from 'vitest'
import { fileSystems } from '../support/cut-disk.ts'
import { acknowledged, cutAt, record } from '../support/power-cut.ts'
import { itWith } from '../support/tools.ts'

itWith('gcc')('a power cut after each single write, sync, rename and deletion of four processes loses nothing acknowledged and gives no number to two contents', async () => {
  const operations = await record()
  for (const system of fileSystems) {
    process.stderr.write(`the power cut after each of ${operations.length} operations, ${system} file system\n`)
    expect(acknowledged).toContain(await cutAt(operations, system, Array.from({ length: operations.length + 1 }, (_, index) => index)))
  }
})
