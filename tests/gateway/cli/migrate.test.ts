import { chmod, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { linli } from '../../support/command-line.ts'
import { asMigrated, oldSite } from '../../support/old-site.ts'
import { keys, terminal } from '../../support/terminal.ts'
import { itWith } from '../../support/tools.ts'

describe('linli migrate', () => {
  itWith('socat')('shows a person what is written otherwise, writes nothing until he agrees, keeps the old file, and tells the way back', async () => {
    const { folder, file, text } = await oldSite()
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
    await yes.until(/To take it back: cp \S+site\.yaml\.v1\.bak site\.yaml/)
    expect(await yes.exited).toBe(0)
    expect([await readFile(file, 'utf8'), await readFile(`${file}.v1.bak`, 'utf8')]).toEqual([asMigrated(text), text])
    expect([(await stat(file)).mode & 0o777, (await stat(`${file}.v1.bak`)).mode & 0o777]).toEqual([0o640, 0o640])
  })
  it('asks nobody with --json: without --yes it writes nothing; an earlier backup is never written over; a link stays one', async () => {
    const { folder, file, text } = await oldSite()
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
    expect(await Promise.all([file, link, `${file}.v1.bak`, done.backup].map((each) => readFile(each, 'utf8')))).toEqual([asMigrated(text), asMigrated(text), 'of last year\n', text])
    expect((await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isSymbolicLink()).map(({ name }) => name)).toEqual(['link.yaml'])
    expect(await linli('migrate', file)).toMatchObject({ code: 0, stdout: expect.stringContaining('of version 2, the present one') })
  })
})
