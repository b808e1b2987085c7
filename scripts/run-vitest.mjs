// Runs vitest once with a printed seed and ends with one plain line of counts.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { randomInt } from 'node:crypto'

const root = path.resolve(import.meta.dirname, '..')

/** Returns the exit code: 0 when nothing failed. `command` is how the run is repeated. */
export function runVitest(args, command, env = {}) {
  const seed = process.env.LINLI_SEED ?? String(randomInt(1, 2 ** 31))
  console.log(`seed: ${seed} (repeat with LINLI_SEED=${seed} ${command})`)
  const folder = mkdtempSync(path.join(tmpdir(), 'linli-report-'))
  const report = path.join(folder, 'report.json')
  try {
    const run = spawnSync(process.execPath, [path.join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...args], {
      cwd: root, stdio: 'inherit', env: { ...process.env, ...env, LINLI_SEED: seed },
    })
    return summarise(report, run.status)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function summarise(report, status) {
  let result
  try { result = JSON.parse(readFileSync(report, 'utf8')) } catch { console.log('0 passed, 1 failed, 0 skipped (vitest gave no report)'); return status || 1 }
  const skipped = result.testResults.flatMap((file) => file.assertionResults.filter((test) => test.status === 'skipped' || test.status === 'pending').map((test) => test.fullName))
  for (const name of skipped) console.log(`skipped: ${name}`)
  // A file that does not load has no tests to fail.
  const broken = result.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length
  const failed = result.numFailedTests + broken
  console.log(`${result.numPassedTests} passed, ${failed} failed, ${skipped.length} skipped`)
  return failed > 0 ? 1 : status ?? 1
}
