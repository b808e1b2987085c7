import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { billOfMaterials } from '../../firmware-config/package/bill.ts'
import { bashCompletion, fishCompletion, zshCompletion } from '../../firmware-config/package/completions.ts'
import { unitDropin } from '../../firmware-config/package/dropin.ts'
import { commandsOf, manPage, optionsOf } from '../../firmware-config/package/manual.ts'
import { rewriteSource } from '../../firmware-config/package/rewrite.ts'
import { program } from '../../gateway/cli/main.ts'
import { itWith } from '../support/tools.ts'

const root = path.join(import.meta.dirname, '../..')
const unit = path.join(root, 'firmware-config/package/files/linli.service')
const folder = mkdtempSync(path.join(tmpdir(), 'linli-package-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const written = (name: string, text: string): string => { const file = path.join(folder, name); writeFileSync(file, text); return file }

describe('the unit', () => {
  itWith('systemd-analyze')('is exposed to 2.5 at most', () => {
    const told = execFileSync('systemd-analyze', ['security', '--offline=yes', '--no-pager', unit], { encoding: 'utf8' })
    expect(Number(/exposure level for linli.service: ([\d.]+)/.exec(told)?.[1])).toBeLessThanOrEqual(2.5)
  })

  it('may reach the serial lines and chips of the site, and no path that is none', () => {
    const text = unitDropin([
      { driver: 'modbus', settings: { path: '/dev/serial/by-id/usb-FTDI_A1-if00-port0' } }, { driver: 'modbus', settings: { host: '10.0.0.5' } },
      { driver: 'gpio', settings: { chip: 'gpiochip0' } }, { driver: 'gpio', settings: {} },
      { driver: 'modbus', settings: { path: '/dev/sda' } }, { driver: 'modbus', settings: { path: '/dev/ttyUSB0 rw\nDeviceAllow=/dev/mem' } },
    ], '/etc/linli/site.yaml')
    expect(text.split('\n').filter((line) => line.startsWith('DeviceAllow'))).toEqual(['DeviceAllow=', 'DeviceAllow=/dev/gpiochip0 rw', 'DeviceAllow=/dev/serial/by-id/usb-FTDI_A1-if00-port0 rw', 'DeviceAllow=char-gpiochip rw'])
    expect(text).toContain('# not a serial line: /dev/sda')
  })
})

describe('what is drawn up from the commands', () => {
  const commands = commandsOf(program)

  it('has every command and option on the man page', () => {
    const page = manPage(program, '1.2.3', '2026-11-26').replaceAll('\\-', '-')
    expect(commands.length).toBeGreaterThan(20)
    for (const { path: words, command } of commands) {
      expect(page).toContain(`.SS "linli ${words.join(' ')}`)
      for (const { flags } of optionsOf(command)) expect(page).toContain(flags)
    }
  })

  itWith('mandoc')('is a man page without errors', () => {
    execFileSync('mandoc', ['-T', 'lint', '-W', 'error', written('linli.1', manPage(program, '1.2.3', '2026-11-26'))])
  })

  it('completes every command in three shells', () => {
    for (const text of [bashCompletion(program), zshCompletion(program), fishCompletion(program)]) for (const { path: words } of commands) expect(text).toContain(words.at(-1))
  })

  it('completes in bash what a user types', () => {
    const file = written('linli.bash', bashCompletion(program))
    const complete = (...words: readonly string[]): string => execFileSync('bash', ['-c', `. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _linli; echo "\${COMPREPLY[@]}"`, 'bash', file, ...words], { encoding: 'utf8' }).trim()
    expect(complete('linli', 'chec')).toBe('check')
    expect(complete('linli', 'probe', 'op')).toBe('opcua')
    expect(complete('linli', 'probe', 'modbus', '--ba')).toBe('--baud')
  })

  for (const [shell, make] of [['zsh', zshCompletion], ['fish', fishCompletion]] as const) {
    itWith(shell)(`is read by ${shell}`, () => { execFileSync(shell, ['-n', written(`linli.${shell}`, make(program))]) })
  }
})

describe('the bundle', () => {
  it('names the files and packages of a source from where its scripts stand', () => {
    const found = rewriteSource('gateway/photos/recode.ts', `const a = new URL('./worker.ts', import.meta.url), b = new URL('../x/web', import.meta.url)
createRequire(import.meta.url)('csv-parse/sync'); createRequire(import.meta.url)('yaml')`)
    expect(found).toEqual({
      assets: ['gateway/x/web'], modules: ['gateway/photos/worker.ts'], packages: ['csv-parse/sync'],
      text: `const a = new URL('./worker.js', import.meta.url), b = new URL('../../gateway/x/web', import.meta.url)\ncreateRequire(import.meta.url)('./csv-parse-sync.cjs'); require('yaml')`,
    })
  })

  it('finds the names of a package that is imported late, CommonJS or not', async () => {
    const { text } = rewriteSource('drivers/x.ts', `export const at = async () => { const { readFileSync } = await import('late'); return readFileSync }; type Of = typeof import('late'); const own = await import('./own.ts')`)
    expect(text).toMatch(/await import\('late'\)\.then\(.*typeof import\('late'\); const own = await import\('\.\/own\.ts'\)$/)
    const [, names] = /\.then\((\(found\)=>.*?)\); return/.exec(text)!
    const found = new Function(`return ${names}`)() as (module: object) => Record<string, unknown>
    expect([found({ default: { a: 1 } }), found({ a: 1, default: 2 })]).toEqual([{ a: 1, default: { a: 1 } }, { a: 1, default: 2 }])
  })

  it('asks Node for the names that a source takes of its modules, and for no other; and takes no more of zod than is used', () => {
    const { text } = rewriteSource('gateway/x.ts', `import path from 'node:path'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { z } from 'zod'
const stated = "import path from 'node:path'"`)
    expect(text.split('\n')).toEqual([
      `const path = require('node:path')`, `const { connect: connectTcp, isIP } = require('node:net')`, '', `import type { Duplex } from 'node:stream'`, `import * as z from 'zod'`, `const stated = "import path from 'node:path'"`,
    ])
  })

  it('is in ASCII alone, whatever its regular expressions look for: V8 keeps it at one byte a character', () => {
    const { text } = rewriteSource('gateway/x.ts', "export const found = ['缺纸', '😀'].every((word) => /^(缺纸|[😀é])$/u.test(word))")
    expect(text).not.toMatch(/[\u0080-\uffff]/)
    expect(new Function(text.replace('export const found =', 'return'))()).toBe(true)
  })

  it('lists each package once, with licence and purl, the same each time', async () => {
    const about = { version: '1.2.3', node: '24.21.0', epochS: 1_700_000_000 }
    const bill = await billOfMaterials(root, ['node_modules/zod', 'node_modules/@fastify/static', 'node_modules/zod'], about) as { bomFormat: string; specVersion: string; components: { purl: string; name: string }[]; dependencies: { dependsOn: string[] }[] }
    const { version } = JSON.parse(readFileSync(path.join(root, 'node_modules/zod/package.json'), 'utf8')) as { version: string }
    expect(bill).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6' })
    expect(bill.components.map(({ name }) => name)).toEqual(['@fastify/static', 'zod', 'node'])
    expect(bill.components[1]).toMatchObject({ purl: `pkg:npm/zod@${version}`, licenses: [{ license: { id: 'MIT' } }] })
    expect(bill.dependencies[0]!.dependsOn).toHaveLength(3)
    expect(await billOfMaterials(root, ['node_modules/@fastify/static', 'node_modules/zod'], about)).toEqual(bill)
  })
})
