import { expect } from 'vitest'
import { endure, tricks } from '../drivers/modbus/hostile.ts'
import { scale } from '../support/seed.ts'
import { itWith } from '../support/tools.ts'

itWith('socat')('a serial line that plays every trick in turn, hundreds of times, never gives a point another register\'s value', async () => {
  expect(await endure(tricks, 20 * scale)).toEqual([])
})
