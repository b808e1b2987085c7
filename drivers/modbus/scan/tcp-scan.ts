import type { Clock } from '../../../gateway/contract/index.ts'
import { BoundedQueue, codeOf } from '../../../gateway/kit/index.ts'
import type { FoundDevice, ScanEvent } from './events.ts'
import type { ScanProfile } from './fingerprint.ts'
import { examine, lookAt } from './look.ts'
import type { Target } from './tcp-range.ts'
import { TcpScanLine } from './tcp-scan-line.ts'

export interface TcpScanOptions {
  readonly targets: readonly Target[]
  readonly units: { readonly first: number; readonly last: number }
  readonly timeoutMs: number
  readonly connectMs: number
  readonly library: readonly ScanProfile[]
  readonly clock: Clock
}

/** Hosts asked at once: few enough for the switches and routers of a building. */
const atOnce = 16
/** A host that is a device, not a gateway to a serial line, answers to any unit id or to one; after so many that are silent it has no more. */
const silentUnits = 3

/** Asks the given hosts, and nobody else, for Modbus TCP. Reads only. Ends with `done`, also when `signal` aborts. */
export async function* scanTcp(options: TcpScanOptions, signal: AbortSignal): AsyncGenerator<ScanEvent> {
  const { targets, clock } = options
  const events = new BoundedQueue<ScanEvent>(4_096)
  const began = clock.monotonic()
  let [next, finished, requests, busMs, count] = [0, 0, 0, 0, 0]
  const found = (device: FoundDevice): void => { count++; events.push({ kind: 'found', device }) }
  const work = async (): Promise<void> => {
    while (next < targets.length && !signal.aborted) {
      const target = targets[next++]!
      const used = await scanHost(target, options, signal, found)
      requests += used.requests
      busMs += used.busMs
      finished++
      const elapsed = clock.monotonic() - began
      events.push({ kind: 'progress', share: finished / targets.length, leftMs: elapsed / finished * (targets.length - finished), text: `${target.host}` })
    }
  }
  const all = Promise.all(Array.from({ length: Math.min(atOnce, targets.length) }, work)).finally(() => events.close())
  all.catch(() => {})
  yield* events
  await all
  yield { kind: 'done', busMs: Math.round(busMs), requests, text: signal.aborted ? 'stopped; this is what was found so far' : `${count} found at ${targets.length} address${targets.length === 1 ? '' : 'es'}` }
}

async function scanHost({ host, address, port }: Target, { units, timeoutMs, connectMs, library, clock }: TcpScanOptions, signal: AbortSignal, found: (device: FoundDevice) => void): Promise<{ readonly requests: number; readonly busMs: number }> {
  const line = await TcpScanLine.open(address, port, connectMs, clock).catch(() => null)
  if (!line) return { requests: 0, busMs: 0 }
  await using _ = line
  let silent = 0
  try {
    // A device of its own network address is often 1, and often 255 or 0 (Messaging on TCP/IP 1.0b §4.4.2.1).
    for (let unit = units.first; unit <= units.last && silent < silentUnits && !signal.aborted; unit++) {
      const look = await lookAt(line, unit, 'holding', timeoutMs)
      // A gateway that says who is not there is worth asking for all of them.
      silent = look.here === 'yes' || look.here === 'gateway' ? 0 : silent + 1
      if (look.here !== 'yes') continue
      found(await examine(line, { unit, place: { transport: 'tcp', host, port }, baudRate: null, library, timeoutMs, seen: look }))
    }
  } catch (error) {
    if (codeOf(error) === 'SCAN_READ_ONLY') throw error
    // It hung up for good: what was found of it is told already.
  }
  return { requests: line.requests, busMs: line.busMs }
}
