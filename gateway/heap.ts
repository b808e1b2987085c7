import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Under load V8 would collect the whole heap twice a second, at 10 ms each, to save what little memory a burst leaves behind; an alarm
 * that comes then waits. With this the old space may grow to three times what is alive before it is collected.
 */
export function collectSeldom(): void { setFlagsFromString('--heap-growing-percent=200') }

/** Reading the site file and compiling leave 15 MB of heap that V8 would keep: one thorough collection gives it back to the box. */
export function giveBackMemory(): void {
  setFlagsFromString('--expose-gc')
  // Baseline code, too: else V8 lets go of bytecode alone.
  setFlagsFromString('--flush-baseline-code')
  const collect = runInNewContext('gc') as (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void
  // Code that ran only at the start is let go after it was passed over a few times.
  for (let pass = 0; pass < 8; pass++) collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}
