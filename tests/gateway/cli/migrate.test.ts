import { chmod, copyFile, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { controlClient } from '../../../gateway/control/client.ts'
import { linli } from '../../support/command-line.ts'
import { main, runGateway } from '../../support/gateways.ts'
import { child, tempFolder } from '../../support/resources.ts'
import { scale } from '../../support/seed.ts'
import { keys, terminal } from '../../support/terminal.ts'
import { itWith } from '../../support/tools.ts'

const estate = path.join(import.meta.dirname, '../../firmware-config/site/v1/estate.yaml')
const migrated = (text: string): string => text.replace('linli: 1', 'linli: 2').replace('commitMs: 5000', 'commit: 5s').replace('"retainDays"', 'keepDays')

async function laid(): Promise<{ readonly folder: string; readonly file: string; readonly text: string }> {
  const folder = await tempFolder()
  const file = path.join(folder, 'site.yaml')
  await copyFile(estate, file)
  return { folder, file, text: await readFile(file, 'utf8') }
}

describe('linli migrate', () => {
  itWith('socat')('shows a person what is written otherwise, writes nothing until he agrees, keeps the old file, and tells the way back', async () => {
    const { folder, file, text } = await laid()
    const no = terminal(['migrate', 'site.yaml'], { cwd: folder })
    await no.until(/journal\.commitMs: 5000 +→ +journal\.commit: 5s +a time is written with its unit/)
    await no.until('access.retainDays: 365')
    await no.until(/13 - +commitMs: 5000 +# was 50/)
    await no.answer('Write site.yaml (the old one is kept)')
    await no.until('nothing was written')
    expect(await no.exited).toBe(1)
    expect([await readFile(file, 'utf8'), await readdir(folder)]).toEqual([text, ['site.yaml']])

    await chmod(file, 0o640)
    const yes = terminal(['migrate', 'site.yaml'], { cwd: folder })
    await yes.answer('Write site.yaml', keys.up)
    await yes.until(/To take it back: cp -p \S+site\.yaml\.v1\.bak site\.yaml/)
    expect(await yes.exited).toBe(0)
    expect([await readFile(file, 'utf8'), await readFile(`${file}.v1.bak`, 'utf8')]).toEqual([migrated(text), text])
    expect([(await stat(file)).mode & 0o777, (await stat(`${file}.v1.bak`)).mode & 0o777]).toEqual([0o640, 0o640])
  })
  it('asks nobody with --json: without --yes it writes nothing; an earlier backup is never written over; a link stays one', async () => {
    const { folder, file, text } = await laid()
    const link = path.join(folder, 'link.yaml')
    await symlink('site.yaml', link)
    await writeFile(`${file}.v1.bak`, 'of last year\n')
    const [shown, piped] = await Promise.all([linli('migrate', file, '--json'), linli('migrate', file)])
    expect(shown.code).toBe(2)
    expect(JSON.parse(shown.stdout)).toMatchObject({ ok: true, from: 1, to: 2, written: false, changes: [{ path: 'linli' }, { path: 'journal.commitMs', before: '5000', to: 'journal.commit', after: '5s' }, { path: 'access.retainDays' }] })
    expect(piped).toMatchObject({ code: 1, stdout: expect.stringContaining('--yes writes without asking') })
    expect(await readFile(file, 'utf8')).toBe(text)
    const done = JSON.parse((await linli('migrate', link, '--yes', '--json')).stdout)
    expect(done).toMatchObject({ written: true, backup: expect.stringMatching(/site\.yaml\.v1\.bak\.2$/) })
    expect(await Promise.all([file, link, `${file}.v1.bak`, done.backup].map((each) => readFile(each, 'utf8')))).toEqual([migrated(text), migrated(text), 'of last year\n', text])
    expect((await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isSymbolicLink()).map(({ name }) => name)).toEqual(['link.yaml'])
    expect(await linli('migrate', file)).toMatchObject({ code: 0, stdout: expect.stringContaining('of version 2, the present one') })
  })
  it('leaves a file with faults alone, and tells them at its own lines', async () => {
    const { file, text } = await laid()
    await writeFile(file, text.replace('5000', '50000'))
    const { code, stdout } = await linli('migrate', file, '--yes', '--json')
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 1, ok: false, problems: [{ text: expect.stringContaining('site.yaml:13:13 journal.commitMs: from 1ms to 10s') }] })
    expect(await readFile(file, 'utf8')).toContain('50000')
  })
  it('that is killed before, between or after backup and file loses nothing, and does the rest when it is called again', async () => {
    // Backup: open, chmod, link, rm; file: open, chmod, rename, rm.
    const deaths = await Promise.all((scale > 1 ? [3, 4, 5, 7, 8] : [4, 8]).map(async (at) => {
      const { folder, file, text } = await laid()
      const died = child(process.execPath, ['--import', path.join(import.meta.dirname, '../../support/kill-at.ts'), main, 'migrate', file, '--yes'], { env: { ...process.env, LINLI_KILL_AT: String(at), LINLI_KILL_IN: folder } })
      const signal = await new Promise((resolve) => died.once('exit', (_, by) => resolve(by)))
      const [lies, kept] = await Promise.all([file, `${file}.v1.bak`].map((each) => readFile(each, 'utf8').catch(() => null)))
      const again = await linli('migrate', file, '--yes')
      return { at, signal, lies: lies === text ? 'old' : lies === migrated(text) ? 'new' : lies, kept: kept === text ? 'old' : kept, code: again.code, after: await readFile(file, 'utf8') === migrated(text), backup: await readFile(`${file}.v1.bak`, 'utf8') === text, second: (await readdir(folder)).includes('site.yaml.v1.bak.2') }
    }))
    const well = { signal: 'SIGKILL', code: 0, after: true, backup: true, second: false }
    expect(deaths).toEqual([{ at: 3, lies: 'old', kept: null, ...well }, { at: 4, lies: 'old', kept: 'old', ...well }, { at: 5, lies: 'old', kept: 'old', ...well }, { at: 7, lies: 'old', kept: 'old', ...well }, { at: 8, lies: 'new', kept: 'old', ...well }]
      .filter(({ at }) => scale > 1 || at === 4 || at === 8))
  })
  it('of a running gateway is no change by hand: it goes on, and its next start notes it in the history', async () => {
    const folder = await tempFolder()
    const file = path.join(folder, 'site.yaml')
    await writeFile(file, 'linli: 1\nsite: { id: hall-1, name: { zh: 厅, en: hall }, region: "420106" }\njournal: { commitMs: 20 }\naccess: { retainDays: 30 }\nconnections: []\n')
    const first = await runGateway(file, folder)
    const control = controlClient(path.join(folder, 'data/linli.sock'))
    expect((await linli('migrate', file, '--yes')).code).toBe(0)
    const text = await readFile(file, 'utf8')
    expect(await control.orderChange({ action: 'plan', text })).toMatchObject({ same: true })
    expect(await control.changes()).toMatchObject({ inForce: 1, edited: false })
    // A change that builds upon the old text is not held up by the new one that lies there.
    expect(await control.orderChange({ action: 'apply', text: `${text}# and more\n`, by: 'li', reason: '', confirm: 'person', windowMs: 60_000, acceptLoss: false, overwrite: false })).toMatchObject({ trial: { number: 2 } })
    await control.orderChange({ action: 'roll-back', by: 'li', reason: '', windowMs: 1_000 })
    await expect.poll(() => control.changes().then(({ inForce }) => inForce, () => 0), { timeout: 5_000 }).toBe(1)
    expect(await readFile(file, 'utf8')).toContain('commitMs: 20')
    first.process.kill('SIGTERM')
    await first.exited
    expect((await linli('migrate', file, '--yes')).code).toBe(0)
    await runGateway(file, folder)
    expect((await control.changes()).configurations[0]).toMatchObject({ number: 3, reason: 'written in the present version by linli migrate' })
  })
})
