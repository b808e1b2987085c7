import { readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { controlClient } from '../../gateway/control/client.ts'
import { linli } from '../support/command-line.ts'
import { asMigrated, oldSite } from '../support/old-site.ts'
import { main, runGateway } from '../support/gateways.ts'
import { child, tempFolder } from '../support/resources.ts'

describe('linli migrate', () => {
  it('leaves a file with faults alone, and tells them at its own lines', async () => {
    const { file, text } = await oldSite()
    await writeFile(file, text.replace('5000', '50000'))
    const { code, stdout } = await linli('migrate', file, '--yes', '--json')
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 1, ok: false, problems: [{ text: expect.stringContaining('site.yaml:13:13 journal.commitMs: from 1ms to 10s') }] })
    expect(await readFile(file, 'utf8')).toContain('50000')
  })
  it('that is killed before, between or after backup and file loses nothing, and does the rest when it is called again', async () => {
    // Backup: open, chmod, link, rm; file: open, chmod, rename, rm.
    const deaths = await Promise.all([3, 4, 5, 7, 8].map(async (at) => {
      const { folder, file, text } = await oldSite()
      const died = child(process.execPath, ['--import', path.join(import.meta.dirname, '../support/kill-at.ts'), main, 'migrate', file, '--yes'], { env: { ...process.env, LINLI_KILL_AT: String(at), LINLI_KILL_IN: folder } })
      const signal = await new Promise((resolve) => died.once('exit', (_, by) => resolve(by)))
      const [lies, kept] = await Promise.all([file, `${file}.v1.bak`].map((each) => readFile(each, 'utf8').catch(() => null)))
      const again = await linli('migrate', file, '--yes')
      return { at, signal, lies: lies === text ? 'old' : lies === asMigrated(text) ? 'new' : lies, kept: kept === text ? 'old' : kept, code: again.code, after: await readFile(file, 'utf8') === asMigrated(text), backup: await readFile(`${file}.v1.bak`, 'utf8') === text, second: (await readdir(folder)).includes('site.yaml.v1.bak.2') }
    }))
    const well = { signal: 'SIGKILL', code: 0, after: true, backup: true, second: false }
    expect(deaths).toEqual([{ at: 3, lies: 'old', kept: null, ...well }, { at: 4, lies: 'old', kept: 'old', ...well }, { at: 5, lies: 'old', kept: 'old', ...well }, { at: 7, lies: 'old', kept: 'old', ...well }, { at: 8, lies: 'new', kept: 'old', ...well }])
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
