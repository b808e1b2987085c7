import { execFile } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { renderDoors, renderTerminals } from '../../../gateway/cli/facility.ts'
import { main, runGateway, siteFile } from '../../support/gateways.ts'
import { tempFolder } from '../../support/resources.ts'

const now = Date.UTC(2026, 5, 1)
const name = { zh: '东门', en: 'east door' }

function linli(args: readonly string[], input = ''): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [main, ...args], (error, out, err) => resolve({ code: error ? 1 : 0, out, err }))
    child.stdin!.end(input)
  })
}

describe('linli doors and linli terminals', () => {
  it('say in two languages how a door is and what is wrong', () => {
    const text = renderDoors([{ id: 'east', name, contact: 'open', openSince: now - 300_000, lock: 'unlocked', conditions: ['heldOpen', 'unlockedTooLong'], fire: true, lost: ['tamper.x'], today: { opened: 3, denied: 9 }, recent: [] }, { id: 'west', name, contact: 'unknown', conditions: [], fire: false, lost: [], today: {}, recent: [] }], now)
    expect(text).toMatch(/east +东门 +开 open 5 min +未锁 unlocked +火警 fire 未关 held open 久未上锁 unlocked too long no tamper\.x +denied 9 {2}opened 3/)
    expect(text).toMatch(/west +东门 +不明 unknown +– +正常 normal +–/)
    expect(renderDoors([], now)).toBe('the site file has no doors')
  })
  it('show the hours of a terminal and the share of known time in which it served', () => {
    const ms = (kind: string, minutes: number) => ({ available: 0, degraded: 0, down: 0, unknown: 0, outside: 0, [kind]: minutes * 60_000 })
    const text = renderTerminals([{ id: 'hall', name, device: 't1', condition: 'down', since: now - 60_000, why: ['printer'], reasons: [{ zh: '打印机故障', en: 'printer fault' }], hours: [{ from: now, ms: ms('down', 30) }, { from: now - 1, ms: ms('unknown', 60) }, { from: now - 2, ms: ms('degraded', 30) }, { from: now - 3, ms: ms('available', 60) }, { from: now - 4, ms: ms('outside', 60) }], sessions: { count: 4, items: { a: 3, b: 1 }, results: {} } }], now)
    expect(text).toMatch(/hall +东门 +中断 down 1 min +打印机故障 printer fault +·█▒\?× +75\.0 % +4 +a 3 {2}b 1/)
  })
})

describe('linli rotate-key --credentials and linli credential', () => {
  it('give card numbers new names and find the old ones, without the number on the command line', { timeout: 30_000 }, async () => {
    const file = await siteFile(await tempFolder(), ['connections: []', 'devices: []'])
    expect(await linli(['rotate-key', file, '--credentials'])).toMatchObject({ code: 1, err: expect.stringContaining('CREDENTIAL_KEYS') })
    const gateway = await runGateway(file)
    gateway.process.kill('SIGTERM')
    await gateway.exited
    const before = JSON.parse((await linli(['credential', file, '--json'], '0008591234\n')).out) as string[]
    expect(before).toEqual([expect.stringMatching(/^k1:[0-9a-f]{32}$/)])
    expect(JSON.parse((await linli(['rotate-key', file, '--credentials', '--json'])).out)).toEqual({ from: 1, to: 2, forgotten: false })
    expect(JSON.parse((await linli(['credential', file, '--json'], '0008591234')).out)).toEqual([expect.stringMatching(/^k2:/), before[0]])
    await linli(['rotate-key', file, '--credentials', '--forget'])
    expect(JSON.parse((await linli(['credential', file, '--json'], '0008591234')).out)).toEqual([expect.stringMatching(/^k3:/)])
    expect(await linli(['credential', file])).toMatchObject({ code: 1, err: expect.stringContaining('CREDENTIAL_USAGE') })
  })
})
