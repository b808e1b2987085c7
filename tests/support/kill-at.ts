// `node --import kill-at.ts …`: the process is killed, as by kill -9, right before the LINLI_KILL_AT-th call that changes a name or makes a
// file below the folder LINLI_KILL_IN, counted from 1. What it did until then lies on the disk as it would after any such death.
import files from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

const [at, folder] = [Number(process.env.LINLI_KILL_AT), process.env.LINLI_KILL_IN ?? '']
const changing = ['open', 'link', 'rename', 'copyFile', 'chmod', 'rm'] as const
let count = 0
for (const name of changing) {
  const real = files[name] as (...args: unknown[]) => Promise<unknown>
  const watched = (...args: unknown[]): Promise<unknown> => {
    const reads = name === 'open' && (args[1] === undefined || args[1] === 'r')
    if (!reads && String(args[0]).startsWith(folder) && ++count === at) process.kill(process.pid, 'SIGKILL')
    return real(...args)
  }
  Object.assign(files, { [name]: watched })
}
syncBuiltinESMExports()
