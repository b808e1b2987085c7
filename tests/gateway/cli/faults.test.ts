import { describe, expect, it } from 'vitest'
import { parseFault, playFaults } from '../../../gateway/cli/simulate/faults.ts'
import { FakeClock } from '../../../gateway/kit/index.ts'

const refused = (text: string): string => { try { parseFault(text); return 'accepted' } catch (error) { return `${(error as { code: string }).code} ${(error as Error).message}` } }

describe('a scripted fault', () => {
  it('says device, fault, when and how long', () => {
    expect(parseFault('hall-env:timeout@30s')).toEqual({ deviceId: 'hall-env', fault: 'timeout', atMs: 30_000, forMs: null })
    expect(parseFault('d:offline@1m+500ms')).toEqual({ deviceId: 'd', fault: 'offline', atMs: 60_000, forMs: 500 })
    expect(parseFault('d:garbage+5')).toEqual({ deviceId: 'd', fault: 'garbage', atMs: 0, forMs: 5_000 })
  })
  it('that is none is told which part is wrong, and how to write it', () => {
    expect(refused('env:timout')).toMatch(/^FAULT_INVALID .*no fault "timout"; did you mean "timeout"\?.*write DEVICE:FAULT@WHEN/)
    expect(refused('env:timeout@soon')).toMatch(/"soon" is no duration/)
    expect(refused('env:timeout@5s+')).toMatch(/"" is no duration/)
    expect(refused('env:timeout@9999h')).toMatch(/longer than 24 days/)
    for (const text of ['', 'env', ':timeout', 'a:b:c', 'env:timeout@1s@2s', 'env:timeout+1s@2s']) expect(refused(text)).toMatch(/^FAULT_INVALID/)
  })
  it('ends when it should, and one below it comes back', async () => {
    const clock = new FakeClock()
    const told: string[] = []
    const stop = playFaults(['a:timeout@10s+60s', 'a:offline@20s+5s', 'b:garbage@1s', 'a:timeout@90s+10s'].map(parseFault), clock, (device, fault) => { told.push(`${clock.monotonic() / 1_000} ${device} ${fault}`) })
    await clock.advance(95_000)
    stop()
    await clock.advance(60_000)
    expect(told).toEqual(['1 b garbage', '10 a timeout', '20 a offline', '25 a timeout', '70 a null', '90 a timeout'])
  })
})
