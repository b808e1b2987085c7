import path from 'node:path'
import { expect, it } from 'vitest'
import { readSite } from '../../../gateway/cli/rooms.ts'
import { controlClient } from '../../../gateway/control/client.ts'
import { silentLog } from '../../../gateway/kit/index.ts'
import { startGateway } from '../../../gateway/main.ts'
import { linli } from '../../support/command-line.ts'
import { siteFile } from '../../support/gateways.ts'
import { freePort, tempFolder } from '../../support/resources.ts'
import { mqttProfileless } from '../history/site.ts'

it('tells what happened over the socket and on the command line, also of the life before', { timeout: 30_000 }, async () => {
  const folder = await tempFolder()
  const file = await siteFile(folder, mqttProfileless(await freePort()))
  process.env.LINLI_TEST_PASSWORD = 'right horse'
  const site = await readSite(file)
  await (await startGateway({ site, log: silentLog() }))[Symbol.asyncDispose]()
  await using _gateway = await startGateway({ site, log: silentLog() })
  const socket = path.join(folder, 'data/linli.sock')
  const events = await Array.fromAsync(controlClient(socket).events(Date.now() - 60_000, Date.now() + 1, ['gateway'], new AbortController().signal))
  expect(events.map(({ data }) => data.action)).toEqual(['started', 'started'])
  const shown = await linli('events', '--socket', socket, '--since', '1h', '--type', 'gateway')
  expect(shown.stdout.match(/gateway +–.*action=started/g)).toHaveLength(2)
  expect((await linli('events', '--socket', socket, '--since', '7d', '--type', 'access')).stdout).toMatch(/nothing happened/)
  const lines = (await linli('events', '--socket', socket, '--json')).stdout.trim().split('\n').map((line) => JSON.parse(line))
  expect(lines.filter(({ type }) => type === 'gateway')).toHaveLength(2)
})
