import { codeOf } from '../../../gateway/kit/index.ts'
import { identifyReply, identifyRequest, readReply, readRequest, serverIdReply, serverIdRequest } from '../pdu.ts'
import type { ModbusAddress } from '../settings.ts'
import type { ScanLine } from './scan-line.ts'

/** What a device said to one read: its data, or the code of its refusal; silence is a refusal too. */
export type Answer = { readonly data: Buffer } | { readonly refused: string }

const repeats = 2
/** A device that was silent so often while it answers other reads means it: it is not asked twice. */
const meantSilences = 2

/** Reads of one device, each at most once: what several profiles want to see is asked only for the first. */
export class DeviceReader {
  readonly unit: number
  /** Distinct reads, and those that were answered with data. */
  asked = 0
  answered = 0
  /** Answers that came damaged or twice. */
  damaged = 0
  double = 0
  turnaroundMs = 0
  readonly #line: ScanLine
  readonly #timeoutMs: number
  readonly #answers = new Map<string, Answer>()
  #silent = 0

  constructor(line: ScanLine, unit: number, timeoutMs: number) { this.#line = line; this.unit = unit; this.#timeoutMs = timeoutMs }

  /** The same device, and nothing of it read yet. */
  anew(): DeviceReader { return new DeviceReader(this.#line, this.unit, this.#timeoutMs) }

  /** Throws DriverError when the line is gone. */
  async read(table: ModbusAddress['table'], start: number, count: number): Promise<Answer> {
    const key = `${table}/${start}/${count}`
    const known = this.#answers.get(key)
    if (known) return known
    const request = readRequest(table, start, count)
    const found = await this.#ask(request, (pdu) => readReply(request, pdu))
    const answer: Answer = 'is' in found ? { data: found.is } : found
    this.asked++
    if ('data' in answer) this.answered++
    this.#answers.set(key, answer)
    return answer
  }

  /** Registers that an earlier read brought, also as part of a longer one. */
  known(table: ModbusAddress['table'], start: number, count: number): Buffer | null {
    for (const [key, answer] of this.#answers) {
      const [name, first, length] = key.split('/') as [string, string, string]
      const from = Number(first)
      if (name === table && 'data' in answer && from <= start && start + count <= from + Number(length)) return answer.data.subarray((start - from) * 2, (start - from + count) * 2)
    }
    return null
  }

  /** Vendor, product code and revision by object number; null when the device does not know function 43. */
  async identification(): Promise<ReadonlyMap<number, string> | null> {
    const objects = new Map<number, string>()
    for (let next = 0, rounds = 0; rounds < 10; rounds++) {
      const request = identifyRequest(1, next)
      const found = await this.#ask(request, (pdu) => identifyReply(request, pdu))
      if ('refused' in found) break
      for (const [id, text] of found.is.objects) objects.set(id, text)
      if (found.is.next === null) break
      next = found.is.next
    }
    return objects.size > 0 ? objects : null
  }

  /** Report server id (function 17), as printable text; null when it does not know it. */
  async serverId(): Promise<string | null> {
    const request = serverIdRequest()
    const found = await this.#ask(request, (pdu) => serverIdReply(request, pdu))
    if ('refused' in found) return null
    const text = found.is.toString('latin1').replace(/[^\x20-\x7e]+/g, ' ').trim()
    return text === '' ? `hex ${found.is.toString('hex')}` : text
  }

  async #ask<T>(request: Buffer, parse: (pdu: Buffer) => T): Promise<{ readonly is: T } | { readonly refused: string }> {
    for (let attempt = 0; ; attempt++) {
      const { kind, pdu, turnaroundMs } = await this.#line.ask(this.unit, request, this.#timeoutMs)
      if (kind === 'damaged') this.damaged++
      if (kind === 'double') this.double++
      if (kind === 'reply') {
        this.turnaroundMs = Math.max(this.turnaroundMs, turnaroundMs)
        try { return { is: parse(pdu!) } } catch (error) { return { refused: codeOf(error) } }
      }
      if (kind === 'silence') this.#silent++
      if (attempt >= repeats || (kind === 'silence' && (attempt > 0 || this.#silent > meantSilences))) return { refused: kind === 'silence' ? 'MODBUS_TIMEOUT' : 'MODBUS_CRC' }
    }
  }
}
