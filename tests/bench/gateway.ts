// A gateway of a site file in a process of its own, as `linli run` starts it: node gateway.ts SITE [readings a message].
import { collectSeldom } from '../../gateway/heap.ts'
import { silentLog } from '../../gateway/kit/index.ts'
import { startGateway } from '../../gateway/main.ts'
import { readSite } from '../../gateway/cli/rooms.ts'

collectSeldom()
const [file, maxReadings] = process.argv.slice(2)
const gateway = await startGateway({ site: await readSite(file!), log: silentLog(), ...(maxReadings ? { maxReadings: Number(maxReadings) } : {}) })
process.send!('ready')
// Asked for it, a one-time address of its console.
process.on('message', () => process.send!(gateway.console!.openUrl()))
process.once('SIGTERM', () => { void gateway[Symbol.asyncDispose]().then(() => process.exit(0)) })
