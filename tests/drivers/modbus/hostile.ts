import { expect } from 'vitest'
import { modbusDriver } from '../../../drivers/modbus/driver.ts'
import { readRequest } from '../../../drivers/modbus/pdu.ts'
import { encodeRtu } from '../../../drivers/modbus/rtu.ts'
import type { Sample } from '../../../gateway/contract/index.ts'
import { ptyPair, serialPeer } from '../../support/pty.ts'
import { seededRandom } from '../../support/seed.ts'
import { runSession } from '../../support/sessions.ts'
import { modbusConfig } from './support.ts'

/** What an honest register holds: a number that no other register of any unit holds. */
export const registerOf = (unit: number, register: number): number => (unit * 20_011 + register * 7 + 1) & 0xffff

export const tricks = ['late', 'torn', 'noise', 'broadcast', 'lying-count', 'wrong-unit', 'duplicate', 'late-duplicate', 'damaged', 'silent'] as const
export type Trick = (typeof tricks)[number]

/** Holding registers of every unit on a serial line, answered honestly or with one of the tricks, never later than `worstMs`. */
export function hostileLine({ tricks: known, share, worstMs, random = seededRandom() }: { readonly tricks: readonly Trick[]; readonly share: number; readonly worstMs: number; readonly random?: () => number }) {
  let played = 0
  let honest = false
  let bytes = Buffer.alloc(0)
  const answer = (request: Buffer, write: (bytes: Uint8Array) => void): void => {
    const unit = request[0]!
    const [start, count] = [request.readUInt16BE(2), request.readUInt16BE(4)]
    const pdu = Buffer.alloc(2 + count * 2)
    pdu[0] = request[1]!
    pdu[1] = count * 2
    for (let index = 0; index < count; index++) pdu.writeUInt16BE(registerOf(unit, start + index), 2 + index * 2)
    const reply = encodeRtu(unit, pdu)
    if (honest || random() > share) return write(reply)
    played++
    const heardAt = performance.now()
    // Where the machine itself held it up for longer than it promised, it is silent: what is tried is the line, not the machine.
    const later = (ms: number, what: Uint8Array): void => { setTimeout(() => { if (performance.now() - heardAt <= worstMs) write(what) }, ms) }
    switch (known[Math.floor(random() * known.length)]!) {
      case 'late': return later(10 + random() * (worstMs - 15), reply)
      case 'torn': { const cut = 1 + Math.floor(random() * (reply.length - 1)); write(reply.subarray(0, cut)); return later(5 + random() * (worstMs - 15), reply.subarray(cut)) }
      case 'noise': write(Uint8Array.from({ length: 1 + Math.floor(random() * 40) }, () => random() * 256)); return write(reply)
      case 'broadcast': write(encodeRtu(0, Buffer.from('0600010002', 'hex'))); write(encodeRtu(3, readRequest('holding', 0, 1))); return write(reply)
      case 'lying-count': { const lie = Buffer.from(reply); lie[2] = 4; return write(encodeRtu(unit, lie.subarray(1, -2))) }
      case 'wrong-unit': return write(encodeRtu(unit + 1, pdu))
      case 'duplicate': write(reply); return write(reply)
      case 'late-duplicate': write(reply); return later(2 + random() * (worstMs - 12), reply)
      case 'damaged': { const damaged = Buffer.from(reply); damaged[3]! ^= 0x10; return write(damaged) }
      case 'silent': return
    }
  }
  return {
    hear(chunk: Buffer, write: (bytes: Uint8Array) => void): void {
      bytes = Buffer.concat([bytes, chunk])
      while (bytes.length >= 8) { answer(bytes.subarray(0, 8), write); bytes = bytes.subarray(8) }
    },
    /** How often a trick was played. */
    played: () => played,
    behave(): void { honest = true },
  }
}

/** Two units of a dozen reads on a pty with a hostile peer until `plays` tricks were played and it behaves again: the samples that are another register's. */
export async function endure(known: readonly Trick[], plays: number): Promise<readonly Sample[]> {
  const points = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`p${index}`, { table: 'holding', register: index * 200, pollMs: 20 }]))
  const { gateway, device } = await ptyPair()
  const line = hostileLine({ tricks: known, share: 0.3, worstMs: 60 })
  await serialPeer(device, line.hear)
  // The peer answers within 60 ms; the rest is for a busy machine, on which socat may be late too.
  const unit = { worstLatency: '300ms', maxGap: 0, points }
  const running = await runSession(modbusDriver, modbusConfig(1, { a: { unitId: 1, ...unit }, b: { unitId: 2, ...unit } }, { transport: 'rtu', host: undefined, path: gateway, baudRate: 115_200, timeout: '50ms' }))
  await expect.poll(() => line.played(), { timeout: 10_000 + plays * 800, interval: 100 }).toBeGreaterThan(plays)
  line.behave()
  await expect.poll(() => [running.last('a.p11')?.quality, running.last('b.p0')?.quality], { timeout: 15_000 }).toEqual(['good', 'good'])
  return running.intakes.flatMap(({ samples }) => samples).filter(({ pointId, raw }) => raw !== null && raw !== registerOf(pointId.startsWith('a') ? 1 : 2, Number(/\d+$/.exec(pointId)![0]) * 200))
}
