// Runs vitest once with a printed seed and ends with one plain line of counts.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { randomInt } from 'node:crypto'

const root = path.resolve(import.meta.dirname, '..')

const unsteadyAllowed = 3

/**
 * Returns the exit code: 0 when nothing failed. `command` is how the run is repeated.
 * What failed is looked at a second time, alone and with the same seed (docs/decisions/0021): a wrong result fails again,
 * and what only a busy machine upset is named as unsteady. More than three such files are a failure all the same.
 */
export function runVitest(args, command, env = {}) {
  const seed = process.env.LINLI_SEED ?? String(randomInt(1, 2 ** 31))
  console.log(`seed: ${seed} (repeat with LINLI_SEED=${seed} ${command})`)
  const run = (names) => once([...args, ...names], { ...env, LINLI_SEED: seed })
  const first = run([])
  if (first.report === null) { console.log('0 passed, 1 failed, 0 skipped (vitest gave no report)'); return first.status || 1 }
  for (const name of first.report.skipped) console.log(`skipped: ${name}`)
  const { passed, skipped } = first.report
  let { failed } = first.report
  if (failed.length > 0 && failed.length <= unsteadyAllowed) {
    console.log(`\nfailed: ${failed.join(', ')}; run again, alone, with the same seed`)
    const second = run(failed)
    if (second.status === 0 && second.report?.failed.length === 0) {
      for (const name of first.report.names) console.log(`UNSTEADY: ${name} failed beside the others and passed alone; mend it`)
      console.log(`${passed + first.report.names.length} passed (${first.report.names.length} unsteady), 0 failed, ${skipped.length} skipped`)
      return 0
    }
    failed = second.report?.failed ?? failed
  }
  console.log(`${passed} passed, ${failed.length === 0 ? 0 : first.report.names.length} failed, ${skipped.length} skipped`)
  return failed.length > 0 ? 1 : first.status ?? 1
}

function once(args, env) {
  const folder = mkdtempSync(path.join(tmpdir(), 'linli-report-'))
  const report = path.join(folder, 'report.json')
  try {
    const { status } = spawnSync(process.execPath, [path.join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...args], {
      cwd: root, stdio: 'inherit', env: { ...process.env, ...env },
    })
    return { status, report: read(report) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What the report says: how many passed, which were skipped, and of those that failed the files and the names. Null without a report. */
function read(report) {
  let result
  try { result = JSON.parse(readFileSync(report, 'utf8')) } catch { return null }
  const named = (wanted) => result.testResults.flatMap((file) => file.assertionResults.filter(({ status }) => wanted.includes(status)).map(({ fullName }) => fullName))
  const broken = result.testResults.filter(({ status }) => status === 'failed')
  return {
    passed: result.numPassedTests,
    skipped: named(['skipped', 'pending']),
    failed: broken.map(({ name }) => path.relative(root, name)),
    // A file that does not load has no tests to fail.
    names: [...named(['failed']), ...broken.filter(({ assertionResults }) => assertionResults.length === 0).map(({ name }) => path.relative(root, name))],
  }
}
