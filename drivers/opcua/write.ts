import { AttributeIds, DataType } from 'node-opcua-client'
import type { ClientSession, DataValue, NodeId, Variant } from 'node-opcua-client'
import type { Clock, Value } from '../../gateway/contract/index.ts'
import { codeOf, describe, DriverError } from '../../gateway/kit/index.ts'
import { within } from './deadline.ts'
import { valueOf, type Target } from './nodes.ts'
import { bare, plainName, statusNameOf, verdictOf } from './status.ts'
import { decodeVariant, encodeElement, encodeVariant, expectedOf } from './values.ts'

export interface WriteParts { readonly session: ClientSession; readonly clock: Clock; readonly timeoutMs: number; readonly signal: AbortSignal }

/** Waited between read-backs: a PLC takes a write at the end of its cycle. */
const readBacksMs = [0, 50, 100, 200, 400, 800]
const readOnly = new Set(['BadNotWritable', 'BadUserAccessDenied', 'BadWriteNotSupported', 'BadSecurityModeInsufficient'])
const wrongValue = new Set(['BadTypeMismatch', 'BadOutOfRange', 'BadInvalidArgument'])

/** Finds the nodes' data types once, writes in them, reads back. Nothing is written twice. */
export class Writer {
  readonly #types = new Map<string, DataType>()

  /** Throws DriverError POINT_NOT_WRITABLE, POINT_VALUE, WRITE_TIMEOUT, WRITE_NOT_CONFIRMED, WRITE_EXPIRED, OPCUA_BAD_NODE, OPCUA_WRITE_REFUSED. */
  async write(target: Target, raw: Value, parts: WriteParts): Promise<void> {
    const { point, text, node } = target
    if (!node) throw new DriverError('OPCUA_BAD_NODE', `${point.id} (${text}): the server does not know the namespace of this node; compare with linli probe opcua … browse`)
    const { session, clock, timeoutMs, signal } = parts
    const { index } = point.address
    const dataType = await this.#typeOf(target, node, parts)
    const { value, range } = index === undefined ? { value: namedValue(target, () => encodeVariant(dataType, raw)), range: {} } : await elementOf(target, node, raw, index, parts)
    if (signal.aborted) throw expired(target, signal, 'nothing was written')
    let status: string
    try {
      const answered = await within(clock, timeoutMs, 'the write', session.write({ ...valueOf(node), ...range, value: { value } }))
      status = verdictOf(answered).quality === 'good' ? 'Good' : plainName(answered)
    } catch (cause) {
      status = statusNameOf(cause)
      if (status === '' || status === 'BadTimeout' || status === 'BadRequestTimeout') throw new DriverError('WRITE_TIMEOUT', `${point.id} (${text}): no answer to the write within ${timeoutMs} ms (${describe(cause)}); it may or may not have been carried out: read the point before writing again`, { cause: bare(cause) })
    }
    if (status !== 'Good') throw refusal(target, status, dataType)
    await confirm(target, node, expectedOf(dataType, raw), parts)
  }

  async #typeOf(target: Target, node: NodeId, { session, clock, timeoutMs, signal }: WriteParts): Promise<DataType> {
    const { point, text } = target
    const known = this.#types.get(point.id)
    if (known !== undefined) return known
    try {
      const [level, own] = await within(clock, timeoutMs, 'the question for its rights', session.read([AttributeIds.AccessLevel, AttributeIds.UserAccessLevel].map((attributeId) => ({ nodeId: node, attributeId }))))
      if (plainName(level!.statusCode) === 'BadNodeIdUnknown') throw new DriverError('OPCUA_BAD_NODE', `${point.id}: the server has no node ${text}; compare with linli probe opcua … browse`)
      // Part 3 §8.57: bit 1 is CurrentWrite. A server that does not say is asked by the write itself.
      for (const right of [level, own]) {
        const bits: unknown = right?.value?.value
        if (typeof bits === 'number' && (bits & 2) === 0) throw new DriverError('POINT_NOT_WRITABLE', `${point.id} (${text}): the server does not let ${right === level ? 'anybody' : 'this user'} write the node; set its rights in the server`)
      }
      const dataType = await within(clock, timeoutMs, 'the question for its data type', session.getBuiltInDataType(node))
      this.#types.set(point.id, dataType)
      return dataType
    } catch (error) {
      if (signal.aborted) throw expired(target, signal, 'nothing was written')
      if (error instanceof DriverError && codeOf(error) !== 'OPCUA_TIMEOUT') throw error
      if (codeOf(error) !== 'OPCUA_TIMEOUT') throw new DriverError('DEVICE_OFFLINE', `${point.id} (${text}): the connection was lost before anything was written (${describe(error)})`, { cause: bare(error), retriable: true })
      throw new DriverError('WRITE_TIMEOUT', `${point.id} (${text}): the server does not say what the node is (${describe(error)}); nothing was written`, { cause: bare(error), retriable: true })
    }
  }
}

/** The library takes a range as text, and its types do not say so. */
const rangeOf = (index: number): { readonly indexRange: never } => ({ indexRange: String(index) as never })

/**
 * One element is written by its range, so that nobody else's change of the others is undone. A server that ignores ranges (asyncua 2.1 does) would take
 * the one element for the whole array: it shows that in a read, and gets the whole array as it is now with the element replaced.
 */
async function elementOf(target: Target, node: NodeId, raw: Value, index: number, { session, clock, timeoutMs }: WriteParts): Promise<{ readonly value: Variant; readonly range: object }> {
  const ask = (more: object): Promise<DataValue> => within(clock, timeoutMs, 'the array', session.read({ ...valueOf(node), ...more }, 0))
  try {
    const whole = await ask({})
    const part = await ask(rangeOf(index))
    const value = namedValue(target, () => encodeElement(whole.value, raw, index))
    const honest = (part.value?.value as ArrayLike<unknown> | null | undefined)?.length === 1
    return honest ? { value: namedValue(target, () => encodeElement(part.value, raw, 0)), range: rangeOf(index) } : { value, range: {} }
  } catch (cause) {
    if (cause instanceof DriverError && cause.code !== 'OPCUA_TIMEOUT') throw cause
    throw new DriverError('WRITE_TIMEOUT', `${target.point.id} (${target.text}): the array cannot be read (${describe(cause)}); nothing was written`, { cause: bare(cause), retriable: true })
  }
}

async function confirm(target: Target, node: NodeId, expected: Value, { session, clock, timeoutMs, signal }: WriteParts): Promise<void> {
  const { point, text } = target
  let seen = 'nothing'
  for (const waitMs of readBacksMs) {
    try {
      if (waitMs > 0) await clock.sleep(waitMs, signal)
      const data = await within(clock, timeoutMs, 'the read-back', session.read(valueOf(node), 0))
      const decoded = decodeVariant(data.value, point.address.index)
      if (verdictOf(data.statusCode).quality !== 'bad' && 'value' in decoded && decoded.value === expected) return
      seen = 'value' in decoded ? JSON.stringify(decoded.value) : plainName(data.statusCode) === 'Good' ? decoded.reason : plainName(data.statusCode)
    } catch (cause) {
      if (signal.aborted) throw expired(target, signal, 'it was written and not read back')
      throw new DriverError('WRITE_TIMEOUT', `${point.id} (${text}): the server took the write and gives no answer to the read-back (${describe(cause)}); read the point before writing again`, { cause: bare(cause) })
    }
  }
  throw new DriverError('WRITE_NOT_CONFIRMED', `${point.id} (${text}): the server took the write but reads back ${seen} instead of ${JSON.stringify(expected)}; the program behind it, a local switch or another client may hold it`)
}

function refusal({ point, text }: Target, status: string, dataType: DataType): DriverError {
  const what = `${point.id} (${text})`
  if (readOnly.has(status)) return new DriverError('POINT_NOT_WRITABLE', `${what}: the server refuses the write (${status}); give the gateway's user the right to write the node`)
  if (wrongValue.has(status)) return new DriverError('POINT_VALUE', `${what}: the server refuses this value (${status}); the node is ${DataType[dataType]}`)
  if (status === 'BadNodeIdUnknown' || status === 'BadNodeIdInvalid') return new DriverError('OPCUA_BAD_NODE', `${what}: the server has no such node (${status})`)
  return new DriverError('OPCUA_WRITE_REFUSED', `${what}: the server refuses the write (${status}); look at the server and the device behind it`)
}

const expired = ({ point, text }: Target, signal: AbortSignal, what: string): DriverError =>
  new DriverError('WRITE_EXPIRED', `${point.id} (${text}): the write was given up before it was done (${describe(signal.reason)}); ${what}: read the point before writing again`)

function namedValue<T>({ point, text }: Target, work: () => T): T {
  try { return work() } catch (error) {
    if (error instanceof DriverError) throw new DriverError(error.code, `${point.id} (${text}): ${error.message}`, { cause: bare(error) })
    throw error
  }
}
