import { readFile } from 'node:fs/promises'
import { verifyCapture } from '../../cloud-sync/verify/capture.ts'
import { verifyBroker } from '../../cloud-sync/verify/client.ts'
import { parseKey } from '../../cloud-sync/verify/trust.ts'
import type { Finding, Hole, VerifyReport } from '../../cloud-sync/verify/verifier.ts'
import { ConfigError, systemClock as clock } from '../kit/index.ts'
import { paint, print, printJson, stopAfter, stopSignal, table } from './output.ts'

export interface VerifyOptions {
  readonly broker?: string
  readonly capture?: string
  readonly record?: string
  readonly prefix: string
  readonly for?: number
  readonly ca?: string
  readonly key?: readonly string[]
  readonly uplink?: string
  readonly fromStart?: boolean
  readonly json?: boolean
}

/** Exit code 1 when anything is wrong: a hole, a broken chain, a checkpoint that is not believed, a message that does not parse. */
export async function verify(options: VerifyOptions): Promise<void> {
  if ((options.broker === undefined) === (options.capture === undefined)) throw new ConfigError('VERIFY_USAGE', 'give --broker URL to listen, or --capture FILE to read')
  if (options.record !== undefined && options.capture !== undefined) throw new ConfigError('VERIFY_USAGE', '--record goes with --broker')
  const { prefix, uplink, fromStart = false, capture } = options
  const settings = { prefix, fromStart, keys: await Promise.all((options.key ?? []).map(readKey)), uplink }
  const report = capture === undefined ? await listen(options, settings) : await verifyCapture(capture, settings, progress(options.json ?? false))
  if (!report.ok) process.exitCode = 1
  if (options.json) return printJson(report)
  print(renderVerify(report, capture !== undefined))
}

function listen(options: VerifyOptions, settings: { readonly prefix: string; readonly fromStart: boolean }): Promise<VerifyReport> {
  const stop = stopSignal()
  const signal = stopAfter(stop, options.for)
  const { MQTT_USERNAME: username, MQTT_PASSWORD: password } = process.env
  return verifyBroker({ ...settings, url: options.broker!, username, password, ca: options.ca, record: options.record, clock }, signal)
}

async function readKey(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => { throw new ConfigError('VERIFY_KEY', `cannot read the key file ${file}; check the path`, { cause }) })
  return parseKey(text)
}

const quietMs = 2_000
/** On the terminal's stderr, once it takes longer than two seconds. */
function progress(json: boolean): (done: number, total: number) => void {
  let next = clock.monotonic() + quietMs
  return (done, total) => {
    if (json || clock.monotonic() < next) return
    next = clock.monotonic() + quietMs
    process.stderr.write(`${Math.floor(done / Math.max(1, total) * 100)} % of ${(total / 2e6).toFixed(0)} MB read\n`)
  }
}

const shown = 50

/** What a person reads. */
export function renderVerify(report: VerifyReport & { readonly unreadable?: number }, complete: boolean): string {
  const range = ({ gateway, stream, epoch, from, to }: Hole): string => `${gateway}/${stream}/${epoch}/${from}${to === from ? '' : `–${to}`}  (${to - from + 1} record${to === from ? '' : 's'})`
  const finding = ({ gateway, stream, epoch, seq, why }: Finding): string => `${gateway}/${stream}/${epoch}/${seq}  ${why}`
  const list = <T>(name: string, items: readonly T[], text: (item: T) => string): string[] => [
    ...items.slice(0, shown).map((item) => `${paint('red', name)}: ${text(item)}`), ...(items.length > shown ? [`… and ${items.length - shown} more (--json has up to 1,000)`] : []),
  ]
  const unreadable = report.unreadable ?? 0
  return [
    `${report.messages} messages, ${report.readings} readings, ${report.duplicates} repeats, ${report.late} late, ${report.gaps} declared gaps, ${report.checkpoints} signed checkpoints`,
    ...report.keys.map(({ gateway, keyid, trust }) => `${gateway}: key ${keyid}, ${trust === 'first use' ? paint('yellow', 'trusted because it came first; compare it with the facility, then give --key') : trust}`),
    ...(report.streams.length > 0 ? [table([['STREAM', 'EPOCH', 'LAST', 'VOUCHED FOR'], ...report.streams.map(({ gateway, stream, epoch, seq, proven }) => [`${gateway}/${stream}`, epoch, String(seq), String(proven)])])] : []),
    ...(report.leftOut.length > 0 ? [`not taken by this uplink, as the gateway's status says (unsigned): ${report.leftOut.join(', ')}`] : []),
    ...(report.unchecked > 0 ? [`${report.unchecked} checkpoint entries came too late to be held against their record`] : []),
    ...(report.invalid > 0 ? [`${paint('red', 'invalid')}: ${report.invalid} messages are no records of this format, or are on a foreign topic`] : []),
    ...(unreadable > 0 ? [`${paint('red', 'unreadable')}: ${unreadable} lines of the capture are no messages`] : []),
    ...list('hole', report.holes, range),
    ...list(complete ? 'missing at the end' : 'awaited', report.awaited, range),
    ...list('broken chain', report.chainBreaks, finding),
    ...list('checkpoint', report.checkpointFaults, finding),
    report.ok ? paint('green', 'sequence, hash chain, epochs, checkpoints and schema hold') : paint('red', 'NOT sound: see above'),
  ].join('\n')
}
