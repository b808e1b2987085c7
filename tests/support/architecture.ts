import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

export interface Source { readonly file: string; readonly text: string }
export interface Violation { readonly file: string; readonly why: string }

export const root = path.resolve(import.meta.dirname, '../..')
const rooms = ['gateway', 'drivers', 'rules', 'cloud-sync', 'firmware-config']
const maxLines = 400

/** Every production source, by its path from the root. */
export function productionSources(): Source[] {
  return rooms.flatMap((room) => readdirSync(path.join(root, room), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !name.includes('web-dist')).map((name) => path.join(room, name)))
    .map((file) => ({ file, text: readFileSync(path.join(root, file), 'utf8') }))
}

/** Comments out, strings kept: a word in a comment is no use of it. */
const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[\s;{}(,])\/\/.*$/gm, '$1')

const importPattern = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\w*\(?[^'"\n]*\(\s*)['"](\.{1,2}\/[^'"]+)['"]/g

/** Our own files that a source imports: static, dynamic, re-exported, as types. */
export function importsOf({ file, text }: Source): string[] {
  return [...withoutComments(text).matchAll(importPattern)].map(([, target]) => path.normalize(path.join(path.dirname(file), target!)))
}

const isContract = (file: string): boolean => file.startsWith('gateway/contract/')
const isKit = (file: string): boolean => file.startsWith('gateway/kit/')
const isTop = (file: string): boolean => file === 'gateway/main.ts' || file.startsWith('gateway/main/') || file.startsWith('gateway/cli/')
const isSimulator = (file: string): boolean => path.basename(file) === 'simulator.ts'
const roomOf = (file: string): string => file.split('/')[0]!

/** Why `from` may not import `to`; null when it may. The table of the design. */
export function forbidden(from: string, to: string): string | null {
  if (to.startsWith('tests/')) return 'production code may not import tests'
  if (isSimulator(to) && !/^gateway\/cli\/(demo|simulate)\//.test(from)) return 'only demo and simulate may import a simulator'
  if (isTop(from) || (from === 'gateway/version.ts' && to === 'package.json')) return null
  if (isContract(from)) return isContract(to) ? null : 'the contract imports nothing of ours'
  if (isContract(to)) return null
  if (isKit(from)) return isKit(to) ? null : 'the kit imports only the contract'
  if (isKit(to)) return null
  if (isTop(to)) return 'nobody imports the composition root or the command line'
  if (roomOf(from) !== roomOf(to)) return `${roomOf(from)} may not import ${roomOf(to)}: it arrives as an argument`
  if (roomOf(from) !== 'drivers' || from === 'drivers/registry.ts' || from === 'drivers/schemas.ts') return null
  return from.split('/')[1] === to.split('/')[1] ? null : 'a driver may not import another'
}

const words: readonly { readonly pattern: RegExp; readonly why: string; readonly allowed: (file: string) => boolean }[] = [
  { pattern: /\bDate\.now\(|\bnew Date\(\)|\bsetTimeout\(|\bsetInterval\(|\bMath\.random\(|\bperformance\.now\(/, why: 'time and chance come from the injected clock and random', allowed: (file) => isKit(file) || file === 'gateway/console/web/clock.ts' },
  { pattern: /\bthrow new Error\(/, why: 'throw a GatewayError with a code', allowed: () => false },
  { pattern: /\bprocess\.env\b/, why: 'configuration is told once: the environment is read by kit and cli', allowed: (file) => isKit(file) || isTop(file) },
  { pattern: /@ts-ignore|@ts-nocheck/, why: 'the type checker is not silenced', allowed: () => false },
  { pattern: /\.message\s*(\.includes|\.startsWith|\.match|===)/, why: 'decide on code, never on message', allowed: () => false },
]

export function violations(sources: readonly Source[]): Violation[] {
  const graph = new Map(sources.map((source) => [source.file, importsOf(source)]))
  const found = sources.flatMap(({ file, text }) => {
    const code = withoutComments(text)
    const imports = graph.get(file)!.flatMap((to) => { const why = forbidden(file, to); return why ? [{ file, why: `${why} (${to})` }] : [] })
    const spoken = words.flatMap(({ pattern, why, allowed }) => (pattern.test(pattern.source.includes('@ts') ? text : code) && !allowed(file) ? [{ file, why }] : []))
    const lines = text.split('\n').length
    return [...imports, ...spoken, ...(lines > maxLines ? [{ file, why: `${lines} lines; split it by meaning below ${maxLines}` }] : [])]
  })
  return [...found, ...circles(graph)]
}

function circles(graph: ReadonlyMap<string, readonly string[]>): Violation[] {
  const done = new Set<string>()
  const found: Violation[] = []
  const visit = (file: string, trail: readonly string[]): void => {
    const at = trail.indexOf(file)
    if (at >= 0) { found.push({ file, why: `imports itself in a circle: ${[...trail.slice(at), file].join(' → ')}` }); return }
    if (done.has(file)) return
    for (const to of graph.get(file) ?? []) visit(to, [...trail, file])
    done.add(file)
  }
  for (const file of graph.keys()) visit(file, [])
  return found
}
