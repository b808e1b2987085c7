import { DriverError } from '../../../gateway/kit/index.ts'

/** Reads of the four tables, report server id (17), and read device identification (43). */
const readingFunctions: ReadonlySet<number> = new Set([1, 2, 3, 4, 17, 43])

/** Every request of a scan passes here: what could change a device never gets to the wire. Throws DriverError SCAN_READ_ONLY. */
export function assertReadOnly(pdu: Buffer): void {
  const code = pdu[0] ?? 0
  // Function 43 carries other things than the identification (14), CANopen writes among them.
  if (!readingFunctions.has(code) || (code === 43 && pdu[1] !== 14)) throw new DriverError('SCAN_READ_ONLY', `a scan was about to send function ${code}, which is none that only reads; nothing was sent; this is a fault of the program, please report it`)
}
