import type { IdentifyCheck } from './scan/identify.ts'
import type { ModbusAddress } from './settings.ts'
import { encodeRegisters } from './values.ts'

/** What a device of a model holds besides its points, by which a scan knows it. */
export interface Identity {
  readonly registers: readonly { readonly table: 'holding' | 'input'; readonly register: number; readonly words: Buffer }[]
  /** Of function 43, by object id. */
  readonly objects: ReadonlyMap<number, string>
}

/** The registers and objects that the profile says a real one answers with: the first of what may be there. `baudRate`: of its own line. */
export function identityOf(checks: readonly IdentifyCheck[], unitId: number, baudRate: number): Identity {
  const registers: Identity['registers'][number][] = []
  const objects = new Map<number, string>()
  for (const check of checks) {
    const value = valueOf(check, unitId, baudRate)
    if (value === undefined) continue
    if (check.object !== undefined) { objects.set(check.object, String(value)); continue }
    const address: ModbusAddress = { table: check.table!, register: check.register!, format: check.format, wordOrder: check.wordOrder, byteSwap: false, ...(check.length === undefined ? {} : { length: check.length }) }
    registers.push({ table: check.table!, register: check.register!, words: encodeRegisters(address, value) })
  }
  return { registers, objects }
}

/** undefined: the profile does not know what it holds at this rate. */
function valueOf({ equals, begins, between, is, codes }: IdentifyCheck, unitId: number, baudRate: number): number | string | undefined {
  if (is === 'unit-id') return unitId
  if (is === 'baud-rate') return codes ? codes[String(baudRate)] : baudRate
  return equals?.[0] ?? begins ?? between?.[0]
}
