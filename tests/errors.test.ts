import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { productionSources, root } from './support/architecture.ts'

const code = /'((?:[A-Z][A-Z0-9]+_)+[A-Z0-9]+|INTERNAL)'/g
/** Capital words with underscores that are no codes of ours. */
const foreign = /^(LEVEL|ERR|EPIPE|LINLI|NO_COLOR|MQTT_USERNAME|MQTT_PASSWORD|EADDRINUSE|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|CERT|HOSTNAME|(QUOTE_SINGLE|QUOTE_DOUBLE|BLOCK_LITERAL)$)/

/** Every code in production: it is given to an error, or stands as the reason of a quality. */
function codesInUse(): Map<string, string> {
  const found = new Map<string, string>()
  for (const { file, text } of productionSources()) {
    if (file.endsWith('simulator.ts') || file.startsWith('gateway/cli/demo/')) continue
    for (const [, name] of text.matchAll(code)) if (!foreign.test(name!)) found.set(name!, file)
  }
  return found
}

const page = readFileSync(path.join(root, 'docs/errors.md'), 'utf8')
const rows = [...page.matchAll(/^\| `([A-Z0-9_]+)` \|(.*)\|$/gm)].map(([, name, rest]) => ({ name: name!, cells: rest!.split('|').map((cell) => cell.trim()) }))

describe('docs/errors.md', () => {
  const inUse = codesInUse()
  it('tells every code there is', () => {
    expect(inUse.size).toBeGreaterThan(40)
    expect([...inUse].filter(([name]) => !rows.some((row) => row.name === name))).toEqual([])
  })
  it('tells no code that is gone, and none twice', () => {
    expect(rows.map(({ name }) => name).filter((name) => !inUse.has(name))).toEqual([])
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length)
  })
  it('says for each what it means, why, and what the installer does', () => {
    expect(rows.filter(({ cells }) => cells.length !== 3 || cells.some((cell) => cell.length < 8))).toEqual([])
  })
})
