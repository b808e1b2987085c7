import type { Head } from './schema.ts'
import type { Report } from './problems.ts'

type Grid = NonNullable<Head['site']['grid']>

/** Length of a code, and where the county stands in it. Sources: GB/T 30428 (unit grid), CJ/T 349-2010, the 12-digit division code. */
const schemes = {
  'unit-grid-15': { digits: 15, county: 0 },
  'cjt-349-20': { digits: 20, county: 6 },
  'division-12': { digits: 12, county: 0 },
} as const

/** A grid code must match its scheme and lie in the site's county. */
export function reviewGrid({ grid, region }: Head['site'], report: Report): void {
  if (!grid) return
  if (grid.scheme === 'custom') return reviewCustom(grid, report)
  if (grid.pattern !== undefined) report(['pattern'], 'only the scheme "custom" takes a pattern; remove it', 'key')
  const { digits, county } = schemes[grid.scheme]
  if (!/^\d+$/.test(grid.code) || grid.code.length !== digits) {
    report(['code'], `${JSON.stringify(grid.code)} is not a code of ${digits} digits, as ${grid.scheme} has`)
    return
  }
  const found = grid.code.slice(county, county + 6)
  if (found !== region) report(['code'], `the code's digits ${county + 1} to ${county + 6} say county ${found}, but site.region is ${region}`)
}

function reviewCustom({ code, pattern }: Grid, report: Report): void {
  if (pattern === undefined) return report(['pattern'], 'required with the scheme "custom": a regular expression of the whole code')
  const problem = patternProblem(pattern)
  if (problem) return report(['pattern'], problem)
  try {
    if (!new RegExp(`^(?:${pattern})$`, 'u').test(code)) report(['code'], `${JSON.stringify(code)} does not match the pattern ${pattern}`)
  } catch {
    // Compiled on first use: a pattern too large for the engine is found only here.
    report(['pattern'], 'not a valid regular expression')
  }
}

/**
 * A pattern is run against a code of at most 64 characters, and must stay cheap whatever is written: no repeated groups, no back
 * references, at most three variable repeats make the worst case a few million steps.
 */
function patternProblem(pattern: string): string | undefined {
  const bare = pattern.replaceAll(/\\[^1-9k]|\[(?:\\.|[^\]\\])*\]/gu, 'x')
  if (/\\/.test(bare)) return 'back references are not allowed here'
  if (/\(\?(?!:)/.test(bare)) return 'look-around and named groups are not allowed here'
  if (/\)[*+?{]/.test(bare)) return 'a repeated group is not allowed here; repeat a single character or class'
  const variable = bare.replaceAll('(?:', '(').match(/[*+?]|\{\d+,\d*\}/g) ?? []
  return variable.length > 3 ? 'at most three of * + ? {n,m} are allowed here' : undefined
}
