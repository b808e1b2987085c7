import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { createLog, LogRing } from '../../../gateway/kit/index.ts'
import { createLogs, readLine, renderLine } from '../../../gateway/support/logs.ts'
import { createScrubber } from '../../../gateway/support/scrub.ts'

const plain = async () => createScrubber({ secrets: ['tangerine-77'], people: [] })
const all = { level: 'trace', limit: 500 } as const
const line = (level: number, msg: string, more: object = {}): string => `${JSON.stringify({ level, time: '2026-11-26T00:00:00.000Z', msg, ...more })}\n`

describe('the ring of the log', () => {
  it('keeps the newest within lines and bytes, numbers them, and says how many were missed', () => {
    const ring = new LogRing({ maxLines: 3, maxBytes: 40 })
    for (let n = 1; n <= 2_500; n++) ring.write(`line ${n}\n`)
    expect([...ring.read()].map(({ seq, line: text }) => [seq, text])).toEqual([[2_498, 'line 2498\n'], [2_499, 'line 2499\n'], [2_500, 'line 2500\n']])
    expect([...ring.read(2_499)].map(({ seq }) => seq)).toEqual([2_500])
    expect(ring.missed(2_490)).toBe(7)
    ring.write('x'.repeat(35))
    expect(ring.size).toEqual({ lines: 1, bytes: 35 })
    ring.write('x'.repeat(1_000_000))
    expect(ring.size.bytes).toBe(8_192)
  })
  it('is fed by the log in the same words, without the password in an address', () => {
    const ring = new LogRing()
    // The level keeps it from stderr: what is written there is another test's.
    const log = createLog({ level: 'error', pretty: false, ring })
    log.info('not this')
    log.error({ password: 'hunter2', url: 'mqtt://me:hunter2@10.0.0.1' }, 'cannot reach mqtt://me:hunter2@10.0.0.1:1883')
    const [only, ...others] = ring.read()
    expect(others).toEqual([])
    expect(only!.line).not.toContain('hunter2')
    expect(readLine(1, only!.line)).toMatchObject({ level: 'error', text: 'cannot reach mqtt://[redacted]@10.0.0.1:1883' })
  })
})

describe('the logs', () => {
  it('are asked for by level, room and text, and go on where the answer before ended', async () => {
    const ring = new LogRing()
    const logs = createLogs(ring, plain)
    for (const [level, msg, room] of [[20, 'one', 'store'], [30, 'two', 'store'], [40, 'three', 'time'], [50, 'four Kiosk', 'store']] as const) ring.write(line(level, msg, { room }))
    const first = await logs.read(all)
    expect(first.lines.map(({ text }) => text)).toEqual(['one', 'two', 'three', 'four Kiosk'])
    expect(first.rooms).toEqual(['store', 'time'])
    expect((await logs.read({ ...all, level: 'warn' })).lines.map(({ text }) => text)).toEqual(['three', 'four Kiosk'])
    expect((await logs.read({ ...all, level: 'info', room: 'store', text: 'kIOSk' })).lines.map(({ seq }) => seq)).toEqual([4])
    expect((await logs.read({ ...all, limit: 0 })).lines).toEqual([])
    ring.write(line(30, 'five', { connection: 'line-1', code: 'MODBUS_CRC' }))
    const next = await logs.read({ ...all, cursor: first.cursor })
    expect(next.lines).toMatchObject([{ seq: 5, where: 'line-1', code: 'MODBUS_CRC', text: 'five' }])
    // Of a life before a restart: everything.
    expect((await logs.read({ ...all, cursor: '00000000-4' })).lines).toHaveLength(5)
    await expect(logs.read({ ...all, cursor: '../../etc' })).rejects.toMatchObject({ code: 'LOGS_USAGE' })
  })
  it('tell no secret that a line holds, and do not find it either', async () => {
    const ring = new LogRing()
    const logs = createLogs(ring, plain)
    ring.write(line(50, 'login refused: tangerine-77', { detail: { deep: ['tangerine-77', Buffer.from('user:tangerine-77').toString('base64')] } }))
    const { lines } = await logs.read(all)
    expect(JSON.stringify(lines)).not.toMatch(/tangerine/)
    expect(lines[0]).toMatchObject({ text: 'login refused: [secret]' })
    expect((await logs.read({ ...all, text: 'tangerine' })).lines).toEqual([])
    const heard: string[] = []
    const stop = await logs.follow({ level: 'error', text: 'refused' }, ({ text }) => heard.push(text))
    for (const msg of ['refused tangerine-77', 'taken']) ring.write(line(50, msg))
    stop()
    ring.write(line(50, 'refused again'))
    expect(heard).toEqual(['refused [secret]'])
  })
  it('survive whatever a line is', async () => {
    const ring = new LogRing()
    const log = pino({}, ring)
    const circle: Record<string, unknown> = {}
    circle.self = circle
    log.error({ err: new Error('x'), circle, big: 10n ** 30n }, 'odd')
    for (const text of ['', '\n', '{', '[]', 'null', '"text"', '{"level":"loud","time":7,"msg":{}}', '{"level":-1}', '\u0000\u001b[2J', `{"msg":"${'\\u0000'.repeat(9_000)}`]) ring.write(text)
    const { lines } = await createLogs(ring, plain).read(all)
    expect(lines).toHaveLength(11)
    // eslint-disable-next-line no-control-regex
    for (const each of lines) expect(renderLine(each)).not.toMatch(/[\u0000-\u001f]/)
  })
})
