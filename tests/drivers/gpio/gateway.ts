import { gpioDriver } from '../../../drivers/gpio/driver.ts'
import type { GpioConfig } from '../../../drivers/gpio/settings.ts'
import type { Json } from '../../../gateway/contract/index.ts'
import { keyedHash, readSecret, silentLog, systemClock } from '../../../gateway/kit/index.ts'

/** A gateway to be killed: opens the connection of its argument, writes the points listed, and prints every intake as a line of JSON. */
const { config, on, stored } = JSON.parse(process.argv[2]!) as { config: GpioConfig; on: readonly string[]; stored: Record<string, Json> }
const stop = new AbortController()
const session = await gpioDriver.connect(config, { clock: systemClock, random: () => 0.5, log: silentLog(), hashIdentity: (value) => keyedHash(Buffer.from('test'), value), readSecret, recall: async (key) => stored[key] }, stop.signal)
for (const point of config.devices.flatMap(({ points }) => points)) if (on.includes(point.id)) await session.write!(point, true, stop.signal)
process.stdout.write('ready\n')
for await (const { samples, remember } of session.intake(stop.signal)) process.stdout.write(`${JSON.stringify({ samples, remember })}\n`)
