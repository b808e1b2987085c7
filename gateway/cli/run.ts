import { createLog } from '../kit/index.ts'
import { startGateway } from '../main.ts'
import { aborted, stopSignal } from './output.ts'
import { readSite } from './rooms.ts'

export async function run(file: string): Promise<void> {
  const signal = stopSignal()
  const site = await readSite(file)
  const log = createLog({ level: site.log.level })
  await using _gateway = await startGateway({ site, log })
  await aborted(signal)
  log.info('stopping')
}
