import { spawnSync } from 'node:child_process'
import { chmod, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { HostClock, witnesses, type HostClockParts } from '../../gateway/host-clock.ts'
import { FakeClock, silentLog } from '../../gateway/kit/index.ts'
import { TimeKeeper } from '../../gateway/time.ts'
import { recordingLog } from '../support/logs.ts'
import { tempFolder } from '../support/resources.ts'
import { findTool } from '../support/tools.ts'

/** A folder of programs that print what the real ones print; nothing else is found. */
async function host(programs: Readonly<Record<string, string>>, parts: Partial<HostClockParts> = {}) {
  const folder = await tempFolder()
  const put = async (name: string, body: string): Promise<void> => {
    await writeFile(path.join(folder, name), `#!/bin/sh\n${body}\n`)
    await chmod(path.join(folder, name), 0o755)
  }
  for (const [name, body] of Object.entries(programs)) await put(name, body)
  const clock = new FakeClock()
  const flag = path.join(folder, 'synchronized')
  const own = new HostClock({ clock, log: silentLog(), path: folder, flag, ...parts })
  onTestFinished(() => own[Symbol.asyncDispose]())
  await own.ready
  return { own, clock, flag, put, remove: (name: string) => rm(path.join(folder, name)) }
}

// As chronyd 4.3 answers, with a server, before it has one, and as a `local` clock.
const chrony = (line: string): string => `echo '${line}'`
const following = chrony('7F000001,127.0.0.1,4,1795615409.942273830,-0.000001827,0.000000206,0.000000206,0.017,0.000,0.449,0.000005271,0.000003550,4.0,Normal')
const searching = chrony('00000000,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised')
const alone = chrony('7F7F0101,,3,1795615402.332885512,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,0.000000000,0.000000000,0.0,Normal')
const kernel = (maxError: number): string => `printf '    mode:         0\\n    maxerror:     ${maxError}\\n    esterror:     16000000\\n    status:       64\\n'`
const noDaemon = 'echo 506 Cannot talk to daemon; exit 1'
const noBus = 'echo "Failed to connect to bus" >&2; exit 1'

describe('whether the clock is set', () => {
  const cases: readonly [string, Readonly<Record<string, string>>, boolean][] = [
    ['chrony with a server', { chronyc: following }, true],
    ['chrony without one, whatever the others believe', { chronyc: searching, timedatectl: 'echo yes' }, false],
    ['chrony that serves its own clock', { chronyc: alone }, false],
    ['systemd, where chronyc has no daemon to ask', { chronyc: noDaemon, timedatectl: 'echo yes' }, true],
    ['systemd that says no', { timedatectl: 'echo no', busybox: kernel(1_000) }, false],
    ['the kernel by adjtimex, where there is no systemd', { timedatectl: noBus, adjtimex: kernel(2_500) }, true],
    ['the kernel by busybox', { timedatectl: noBus, busybox: kernel(2_500) }, true],
    ['a kernel that nobody has told', { busybox: kernel(16_000_000) }, false],
    ['a program that prints something else', { chronyc: 'echo hello', timedatectl: 'echo maybe', adjtimex: 'echo 5' }, false],
    ['a program that prints without end', { chronyc: 'while :; do echo y; done', timedatectl: 'echo yes' }, true],
  ]
  for (const [name, programs, synced] of cases) it(`is told by ${name}: ${synced ? 'yes' : 'no'}`, async () => { expect((await host(programs)).own.synchronised).toBe(synced) })

  it('is asked again every minute until it is, and every ten minutes then', async () => {
    const { own, clock, put } = await host({ chronyc: searching })
    await put('chronyc', following)
    await clock.advance(59_000)
    expect(own.synchronised).toBe(false)
    await clock.advance(1_000)
    await expect.poll(() => own.synchronised).toBe(true)
    await put('chronyc', searching)
    await clock.advance(540_000)
    expect(own.synchronised).toBe(true)
    await clock.advance(60_000)
    await expect.poll(() => own.synchronised).toBe(false)
  })
  it('is known from timesyncd\'s file at once, and no program is started while that is there', async () => {
    const { own, clock, flag, put, remove } = await host({ chronyc: searching })
    await writeFile(flag, '')
    expect(own.synchronised).toBe(true)
    await put('chronyc', `: > ${flag}.asked`)
    await clock.advance(60_000)
    await own.ready
    await remove('synchronized')
    expect(own.synchronised).toBe(true)
    await expect(rm(`${flag}.asked`)).rejects.toMatchObject({ code: 'ENOENT' })
  })
  it('is not waited for: a program that hangs is killed, and the next one asked', async () => {
    const began = performance.now()
    const { own } = await host({ chronyc: 'exec /bin/sleep 60', timedatectl: 'echo yes' })
    expect(performance.now() - began).toBeLessThan(20_000)
    expect(own.synchronised).toBe(true)
  })
  it('is warned of once where nothing tells', async () => {
    const lines: string[] = []
    const folder = await tempFolder()
    const { own, clock } = await host({ chronyc: `echo x >> ${folder}/asked; exit 1` }, { log: recordingLog(lines) })
    await expect.poll(async () => { await clock.advance(60_000); return (await readFile(`${folder}/asked`, 'utf8')).length / 2 }).toBeGreaterThan(3)
    expect(own.synchronised).toBe(false)
    expect(lines).toEqual([expect.stringContaining('Install chrony')])
  })
  it('reaches the quality of time', async () => {
    const { own, clock, put } = await host({ chronyc: following })
    const time = new TimeKeeper(clock, () => own.synchronised)
    expect(time.quality).toBe('synced')
    await put('chronyc', searching)
    await clock.advance(600_000)
    await expect.poll(() => { time.ask(); return time.quality }).toBe('holdover')
  })
})

it.skipIf(findTool('busybox') === null)('the real kernel is read as busybox prints it', async () => {
  const { stdout } = spawnSync(findTool('busybox')!, ['adjtimex'], { encoding: 'utf8' })
  const { own } = await host({}, { path: path.dirname(findTool('busybox')!), witnesses: witnesses.filter(({ program }) => program === 'busybox') })
  expect(own.synchronised).toBe(/maxerror/.test(stdout) && !stdout.includes('16000000'))
})
