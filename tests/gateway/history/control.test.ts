import path from 'node:path'
import { expect, it } from 'vitest'
import { startGateway } from '../../../gateway/main.ts'
import { readSite } from '../../../gateway/cli/rooms.ts'
import { controlClient } from '../../../gateway/control/client.ts'
import { silentLog } from '../../../gateway/kit/index.ts'
import { mqttProfileless } from './site.ts'
import { linli } from '../../support/command-line.ts'
import { siteFile } from '../../support/gateways.ts'
import { freePort, tempFolder } from '../../support/resources.ts'
import { all } from './support.ts'

it('tells a running gateway\'s history over its socket and on the command line', { timeout: 30_000 }, async () => {
  const folder = await tempFolder()
  const port = await freePort()
  const file = await siteFile(folder, mqttProfileless(port))
  process.env.LINLI_TEST_PASSWORD = 'right horse'
  await using _gateway = await startGateway({ site: await readSite(file), log: silentLog() })
  const socket = path.join(folder, 'data/linli.sock')
  const client = controlClient(socket)
  const now = Date.now()
  await expect.poll(async () => (await client.readings()).length).toBe(1)
  const { slots } = await client.chart('meter.n', now - 3_600_000, now + 60_000, 100)
  expect(slots.at(-1)!.quality ?? slots.at(-2)!.quality).toBe('bad')
  // What rules were given: the first tick, the device that is not there yet, its point that is bad.
  const inputs = await all(client.replay(now - 60_000, now + 60_000, new AbortController().signal))
  expect(inputs.filter((input) => !('tick' in input))).toMatchObject([{ restart: expect.any(Number) }, { reading: { pointId: 'meter.n', quality: 'bad' } }, { device: { deviceId: 'meter', state: 'offline' } }])
  expect((await client.status()).history).toMatchObject({ readings: 1, lost: 0, paused: false })
  await expect(client.chart('meter.n', 5, 4, 10)).rejects.toMatchObject({ code: 'HISTORY_RANGE' })
  expect((await linli('history', 'meter.n', '--socket', socket, '--from', '1h')).stdout).toMatch(/MIN +MEAN +MAX[\s\S]*bad/)
  expect((await linli('history', 'meter.n', '--socket', socket, '--csv')).stdout).toMatch(/^at,min,mean,max,last,quality,changes,good_seconds\n/)
  expect(JSON.parse((await linli('history', 'meter.n', '--socket', socket, '--json')).stdout)).toMatchObject({ point: 'meter.n' })
  expect((await linli('history', 'meter.n', '--socket', socket, '--raw', '--csv')).stdout).toMatch(/MQTT_NO_MESSAGE_YET/)
  expect((await linli('history', 'no.point', '--socket', socket)).stdout).toMatch(/nothing is known/)
})

it('keeps none where the site file says so', async () => {
  const folder = await tempFolder()
  const file = await siteFile(folder, ['history: { enabled: false }', ...mqttProfileless(await freePort())])
  process.env.LINLI_TEST_PASSWORD = 'right horse'
  await using _gateway = await startGateway({ site: await readSite(file), log: silentLog() })
  const client = controlClient(path.join(folder, 'data/linli.sock'))
  await expect(client.chart('meter.n', 0, 60_000, 1)).rejects.toMatchObject({ code: 'HISTORY_OFF' })
  expect((await client.status()).history).toBeNull()
})
