import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, onTestFinished } from 'vitest'
import { linli } from '../../support/command-line.ts'
import { main, runGateway } from '../../support/gateways.ts'
import { child, freePort, tempFolder } from '../../support/resources.ts'
import { keys, terminal } from '../../support/terminal.ts'
import { itWith } from '../../support/tools.ts'

describe('linli replace', () => {
  itWith('socat')('reads the new device first, refuses another model and silence, keeps comments, points and the old file, and is written down', async () => {
    const folder = await tempFolder()
    const port = await freePort()
    const device = (id: string, profile: string, unitId: number) => `  - { id: ${id}, name: { zh: 设备, en: ${id} }, connection: line, profile: ${profile}, unitId: ${unitId} }`
    const site = (...devices: readonly string[]) => `linli: 2\nsite: { id: hall-1, name: { zh: 厅, en: hall }, region: "420106" }\npeople: [{ id: wang, name: { zh: 王, en: Wang } }]\nconnections:\n  - { id: line, driver: modbus, host: 127.0.0.1, port: ${port}, timeout: 300ms } # the cupboard\ndevices:\n${devices.join('\n')} # by the door\n`
    const [file, there] = [path.join(folder, 'site.yaml'), path.join(folder, 'there.yaml')]
    const before = site(device('meter', 'sdm630', 2))
    await writeFile(file, before)
    await writeFile(there, site(device('new-meter', 'sdm630', 5), device('sensor', 'xy-md02', 7)))
    const simulated = child(process.execPath, [main, 'simulate', '--json', there])
    onTestFinished(async () => { const gone = new Promise((resolve) => simulated.once('exit', resolve)); if (simulated.kill('SIGTERM')) await gone })
    await createInterface({ input: simulated.stdout! })[Symbol.asyncIterator]().next()

    const [another, silent, unknown] = await Promise.all([linli('replace', 'meter', file, '--unit', '7', '--yes'), linli('replace', 'meter', file, '--unit', '9', '--yes'), linli('replace', 'metre', file, '--unit', '5', '--yes')])
    expect(another).toMatchObject({ code: 1, stderr: expect.stringMatching(/REPLACE_(MODEL|IMPLAUSIBLE) meter.*--force/) })
    expect(silent).toMatchObject({ code: 1, stderr: expect.stringMatching(/(REPLACE_SILENT|REPLACE_MODEL) meter/) })
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringMatching(/REPLACE_USAGE no device "metre".*did you mean "meter"/) })
    expect(await readFile(file, 'utf8')).toBe(before)

    await runGateway(file)
    const at = terminal(['replace', 'meter', 'site.yaml', '--unit', '5', '--serial', 'B-77', '--old-serial', 'A-12', '--by', 'wang'], { cwd: folder })
    await at.until(/meter\.\S+ {2}\d/)
    await at.until('unitId: 5')
    await at.answer('Replace meter', keys.up)
    await at.until('same points, same history')
    expect(await at.exited).toBe(0)
    expect(await readFile(file, 'utf8')).toBe(before.replace('unitId: 2', 'unitId: 5'))
    expect(await readFile(`${file}.bak`, 'utf8')).toBe(before)
    expect((await linli('maintenance', 'list', '--site', file, '--json')).stdout).toContain('replaced, serial A-12 -> B-77, unit 2 -> 5')
  })
})
