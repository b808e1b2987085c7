import { chmod, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { createCommand } from '../../../rules/notify/command.ts'
import { tempFolder } from '../../support/resources.ts'
import { channel, message, never, notice, ports } from './support.ts'

/** A real script; `$OUT` in it is a file of its own. */
async function script(lines: string): Promise<{ readonly file: string; readonly out: () => Promise<string> }> {
  const folder = await tempFolder()
  const file = path.join(folder, 'call.sh')
  await writeFile(file, `#!/bin/sh\n${lines.replaceAll('$OUT', path.join(folder, 'out'))}\n`)
  await chmod(file, 0o755)
  return { file, out: () => readFile(path.join(folder, 'out'), 'utf8') }
}
const run = (command: readonly string[], settings: object = {}, of = message()): Promise<unknown> => createCommand(channel('command', { command, ...settings }), ports()).send(of, never).then(() => 'sent', (thrown: unknown) => thrown)

describe('a command', () => {
  it('is given arguments without a shell, the text, and nothing of our environment', async () => {
    process.env.LINLI_TEST_LEAK = 's3cr3t'
    const { file, out } = await script('{ printf "%s|" "$@"; echo; env | sort; cat; } > $OUT')
    expect(await run([file, '--say', '{title}', '{severity}:{place}'], {}, message({ phones: ['13800138000'], notices: [notice({ title: { zh: '$(id); `id` "x" {place}', en: '' } })] }))).toBe('sent')
    const [argv, ...rest] = (await out()).split('\n')
    expect(argv).toBe('--say|$(id); `id` "x" {place}|1:hall|')
    expect(rest.filter((line) => /^[A-Z_]+=/.test(line)).map((line) => line.split('=')[0]).filter((name) => name !== '_' && name !== 'PWD' && name !== 'SHLVL')).toEqual(['LANG', 'LINLI_ALERT', 'LINLI_PHONES', 'LINLI_SEVERITY', 'LINLI_TEST', 'PATH'])
    expect(rest.join('\n')).toContain('LINLI_PHONES=13800138000')
    expect(rest.join('\n')).not.toContain('s3cr3t')
    expect(rest.join('\n')).toContain('地点：hall')
    delete process.env.LINLI_TEST_LEAK
  })
  it('never takes a text for an option', async () => {
    const { file, out } = await script('printf "%s|" "$@" > $OUT')
    await run([file, '-t', '{title}'], {}, message({ notices: [notice({ title: { zh: '-rf /', en: '' } })] }))
    expect(await out()).toBe('-t| -rf /|')
  })
  it('that fails is tried again, and says what it said, once and short', async () => {
    const { file } = await script('head -c 3000000 /dev/zero | tr "\\0" x; echo no signal >&2; exit 3')
    const error = await run([file])
    expect(error).toMatchObject({ code: 'NOTIFY_COMMAND', retriable: true, values: { exit: 3 } })
    expect(String(error).length).toBeLessThan(500)
    expect(await run([(await script('echo no signal 13800138000 >&2; exit 1')).file], {}, message({ phones: ['13800138000'] }))).toMatchObject({ message: expect.stringContaining('saying: no signal [redacted]') })
  })
  it('that hangs is ended with its children', async () => {
    const { file, out } = await script('sleep 60 & echo $! > $OUT; wait')
    expect(await run([file], { timeout: '500ms' })).toMatchObject({ code: 'NOTIFY_TIMEOUT', retriable: true })
    const pid = Number(await out())
    await expect.poll(async () => (await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z')).split(') ')[1]![0]).toBe('Z')
  })
  it('that leaves a child behind is done when it has ended itself', async () => {
    const { file } = await script('sleep 5 & exit 0')
    const began = performance.now()
    expect(await run([file])).toBe('sent')
    expect(performance.now() - began).toBeLessThan(4_000)
  })
  it('that is not there is not tried again', async () => {
    expect(await run(['/nowhere/call'])).toMatchObject({ code: 'NOTIFY_COMMAND', retriable: false })
  })
  it('that does not read its input is done all the same', async () => {
    expect(await run([(await script('exec <&-; exit 0')).file], {}, message({ notices: Array.from({ length: 300 }, () => notice({ title: { zh: '长'.repeat(80), en: '' } })) }))).toBe('sent')
  })
})
