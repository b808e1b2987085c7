import { verifyBroker } from '../../cloud-sync/verify-client.ts'
import { print, printJson, stopSignal } from './output.ts'

export interface VerifyOptions { readonly broker: string; readonly prefix: string; readonly for?: number; readonly ca?: string; readonly json?: boolean }

/** Exit code 1 when there is a hole, a break in the chain or a message that does not parse. */
export async function verify(options: VerifyOptions): Promise<void> {
  const stop = stopSignal()
  const signal = options.for === undefined ? stop : AbortSignal.any([stop, AbortSignal.timeout(options.for)])
  const { MQTT_USERNAME: username, MQTT_PASSWORD: password } = process.env
  const report = await verifyBroker({ url: options.broker, prefix: options.prefix, username, password, ca: options.ca }, signal)
  const sound = report.holes.length === 0 && report.chainBreaks.length === 0 && report.invalid === 0
  if (!sound) process.exitCode = 1
  if (options.json) return printJson({ ok: sound, ...report })
  print(`${report.messages} messages, ${report.readings} readings, ${report.duplicates} duplicates, ${report.gaps} declared gaps, ${report.invalid} invalid`)
  for (const hole of report.holes) print(`hole: ${JSON.stringify(hole)}`)
  for (const broken of report.chainBreaks) print(`broken chain: ${JSON.stringify(broken)}`)
  print(sound ? 'sequence, hash chain and schema hold' : 'NOT sound: see above')
}
