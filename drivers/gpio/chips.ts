import { detectCommand, infoCommand, runTool, type Tools } from './tools.ts'
import { DriverError } from '../../gateway/kit/index.ts'

export interface Chip { readonly name: string; readonly label: string; readonly lines: number }
export interface ChipLine { readonly offset: number; readonly name: string | null; readonly direction: 'in' | 'out'; readonly activeLow: boolean; /** Who holds it; null when free. */ readonly consumer: string | null }

/** `gpiodetect`, the same in both versions: `gpiochip0 [label] (16 lines)`. */
export function parseChips(text: string): Chip[] {
  return [...text.matchAll(/^(gpiochip\d+) \[(.*)\] \((\d+) lines?\)$/gm)].map(([, name, label, lines]) => ({ name: name!, label: label!, lines: Number(lines) }))
}

/** `gpioinfo` of both versions, by chip name. */
export function parseLines(text: string): ReadonlyMap<string, readonly ChipLine[]> {
  const chips = new Map<string, ChipLine[]>()
  let lines: ChipLine[] = []
  for (const row of text.split('\n')) {
    const chip = /^(gpiochip\d+) - \d+ lines?:$/.exec(row)
    if (chip) { chips.set(chip[1]!, lines = []); continue }
    const match = /^\s+line\s+(\d+):\s+(?:"(.*?)"|(unnamed))\s+(.*)$/.exec(row)
    if (match) lines.push(lineOf(Number(match[1]), match[3] === undefined ? match[2]! : null, match[4]!))
  }
  return chips
}

/** Version 1: `unused input active-high`, `"gpiomon" input active-high [used]`. Version 2: `input edges=both consumer="linli"`. */
function lineOf(offset: number, name: string | null, rest: string): ChipLine {
  const words = rest.replace(/"[^"]*"/g, '""')
  const old = /^(?:"([^"]*)"|unused|kernel|\S+)\s+(?:input|output)\s+active-(?:high|low)/.exec(rest)
  const consumer = old
    ? words.includes('[used') ? old[1] ?? 'kernel' : null
    : /\bconsumer=(?:"([^"]*)"|(\S+))/.exec(rest)?.slice(1).find((each) => each !== undefined) ?? (/\[used\]|\bused\b/.test(words) ? 'kernel' : null)
  return { offset, name, direction: /\boutput\b/.test(words) ? 'out' : 'in', activeLow: /\bactive-low\b/.test(words), consumer }
}

export const listChips = async (tools: Tools): Promise<readonly Chip[]> => parseChips(await runTool(detectCommand(tools)))
export const listLines = async (tools: Tools, chip?: string): Promise<ReadonlyMap<string, readonly ChipLine[]>> => parseLines(await runTool(infoCommand(tools, chip)))
export const linesOf = async (tools: Tools, chip: string): Promise<readonly ChipLine[]> => (await listLines(tools, chip)).get(chip) ?? []

/** The one chip that is meant, by label or name; without either the only one there is. Throws DriverError GPIO_UNAVAILABLE. */
export function chooseChip(chips: readonly Chip[], wanted: string | undefined, who: string): Chip {
  const list = chips.map(({ name, label }) => `"${label}" (${name})`).join(', ') || 'none'
  const found = wanted === undefined ? chips : chips.filter(({ label }) => label === wanted)
  const chosen = found.length > 0 || wanted === undefined ? found : chips.filter(({ name }) => name === wanted)
  if (chosen.length === 1) return chosen[0]!
  const why = wanted === undefined ? `say which chip is meant: chip: LABEL; this machine has ${list}`
    : chosen.length === 0 ? `no GPIO chip is called "${wanted}"; this machine has ${list}`
    : `${chosen.length} chips are called "${wanted}"; name one of them by its number: ${list}`
  throw new DriverError('GPIO_UNAVAILABLE', `${who}: ${why}`, { retriable: true, values: { chip: wanted } })
}

/** The line that is meant, by offset or name. Throws DriverError GPIO_LINE_UNKNOWN. */
export function chooseLine(lines: readonly ChipLine[], wanted: number | string, chip: Chip, who: string): ChipLine {
  const found = lines.filter((line) => (typeof wanted === 'number' ? line.offset === wanted : line.name === wanted))
  if (found.length === 1) return found[0]!
  const where = `chip "${chip.label}" (${chip.name})`
  const named = lines.flatMap(({ name }) => name ?? []).slice(0, 20).join(', ') || 'none; give the offset instead'
  const why = typeof wanted === 'number' ? `${where} has lines 0 to ${chip.lines - 1}, not ${wanted}`
    : found.length > 1 ? `${found.length} lines of ${where} are called "${wanted}" (${found.map(({ offset }) => offset).join(', ')}); give the offset`
    : `no line of ${where} is called "${wanted}"; its names are ${named}`
  throw new DriverError('GPIO_LINE_UNKNOWN', `${who}: ${why}`, { retriable: true, values: { line: wanted } })
}
