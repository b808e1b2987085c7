// Ten devices of 100 registers, flat out, from socket to scaled live value. Arguments: PORT DEVICES CONNECTIONS PIPELINE MS BLOCK. Prints one JSON line.
import { modbusDriver } from '../../../drivers/modbus/driver.ts'
import { modbusSchemas } from '../../../drivers/modbus/schema.ts'
import { silentLog, systemClock as clock } from '../../../gateway/kit/index.ts'
import { LiveValues } from '../../../gateway/live.ts'
import { normalise } from '../../../gateway/normalise.ts'
import { point } from '../../support/points.ts'

const [port, devices, connections, pipeline, ms, registers] = process.argv.slice(2).map(Number) as [number, number, number, number, number, number]
const device = (unit: number, connectionId: string) => ({
  id: `d${unit}`, name: { zh: 'd', en: 'd' }, connectionId, settings: modbusSchemas.device.parse({ unitId: unit, pipeline, maxGap: 0 }),
  points: Array.from({ length: registers }, (_, register) => point({ id: `d${unit}.p${register}`, scale: 0.1, pollMs: 0, address: modbusSchemas.point.parse({ table: 'holding', register }) })),
})
const configs = Array.from({ length: connections }, (_, line) => ({
  id: `line-${line}`, driver: 'modbus', settings: modbusSchemas.connection.parse({ host: '127.0.0.1', port }),
  devices: Array.from({ length: devices }, (_, index) => index + 1).filter((unit) => unit % connections === line % connections).map((unit) => device(unit, `line-${line}`)),
}))
const live = new LiveValues(configs)
const stop = new AbortController()
const kit = { clock, random: Math.random, log: silentLog(), hashIdentity: String, readSecret: async () => '', recall: async () => undefined }
const sessions = await Promise.all(configs.map((config) => modbusDriver.connect(config as never, kit, stop.signal)))
let readings = 0
const running = sessions.map(async (session) => {
  for await (const intake of session.intake(stop.signal)) {
    const now = clock.now()
    for (const sample of intake.samples) { live.put(normalise(sample, live.points.get(sample.pointId)!, now)); readings++ }
  }
})
const polls = (): number => sessions.reduce((sum, session) => sum + session.statistics!().requests!, 0)
const run = async (): Promise<{ perSecond: number; cpuUs: number; readingsPerSecond: number }> => {
  const [from, seen, cpu, began] = [polls(), readings, process.cpuUsage(), performance.now()]
  await clock.sleep(ms)
  const used = process.cpuUsage(cpu)
  const seconds = (performance.now() - began) / 1_000
  const count = polls() - from
  return { perSecond: count / seconds, cpuUs: (used.user + used.system) / count, readingsPerSecond: (readings - seen) / seconds }
}
process.stdout.write('{"ready":true}\n')
for await (const chunk of process.stdin) {
  if (String(chunk).startsWith('run')) { process.stdout.write(`${JSON.stringify(await run())}\n`); continue }
  break
}
// What is live must be what the server served: each unit's number of polls stands in its register 0 and in no other that does not change.
const total = polls()
stop.abort()
await Promise.all(running)
const wrong = [...live.readings()].filter(({ pointId, value, quality }) => {
  const register = Number(pointId.split('.p')[1])
  const unit = pointId.split('.')[0]!
  const base = Math.round((live.read(`${unit}.p0`)!.value as number) * 10)
  return quality !== 'good' || ![register, (register + base) & 0xffff].includes(Math.round((value as number) * 10))
}).length
process.stdout.write(`${JSON.stringify({ total, live: [...live.readings()].length, wrong, first: Array.from({ length: devices }, (_, index) => live.read(`d${index + 1}.p0`)!.value) })}\n`)
process.exit(0)
