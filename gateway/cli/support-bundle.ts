import path from 'node:path'
import { controlClient } from '../control/client.ts'
import { openEvents } from '../event-log/index.ts'
import { createFile } from '../kit/durable-file.ts'
import { codeOf, ConfigError, systemClock as clock } from '../kit/index.ts'
import type { Bundle } from '../support/bundle.ts'
import { stoppedCheckUp } from './doctor.ts'
import { paint, print, printJson } from './output.ts'
import { progressBar } from './progress.ts'
import { socketPath, type SocketOptions } from './socket.ts'

export interface BundleCommand extends Pick<SocketOptions, 'socket'> { readonly out?: string; readonly withEvents?: number; readonly json?: boolean }

/** `linli support-bundle SITE`: one file for a support engineer, without secrets. The running gateway makes it; where none answers, this process does. */
export async function supportBundle(file: string, { out, withEvents = 0, json, socket }: BundleCommand): Promise<void> {
  const bar = progressBar('support bundle')
  const { bundle, running } = await make(file, socket, withEvents, (share) => bar.show(share)).finally(() => bar.done())
  const target = path.resolve(out ?? bundle.name)
  const written = await createFile(target, bundle.bytes).catch((cause: unknown) => { throw new ConfigError('SUPPORT_TARGET', `cannot write ${target} (${codeOf(cause)}); choose another place with -o`, { cause }) })
  if (!written) throw new ConfigError('SUPPORT_TARGET', `${target} exists and is not overwritten; choose another name with -o`)
  if (json) return printJson({ file: target, bytes: bundle.bytes.length, running })
  print(`${target}  ${Math.ceil(bundle.bytes.length / 1_000)} kB, of the gateway ${running ? 'that runs' : 'as it lies there: it does not run'}`)
  print(paint('yellow', 'secrets were taken out as its README.txt says; look through it before you send it'))
}

async function make(file: string, socket: string | undefined, events: number, progress: (share: number) => void): Promise<{ readonly bundle: Bundle; readonly running: boolean }> {
  let problems: readonly { readonly text: string }[] | null = null
  try {
    return { bundle: await controlClient(await socketPath({ site: file, ...(socket === undefined ? {} : { socket }) })).supportBundle(events, progress), running: true }
  } catch (error) {
    if (error instanceof Error && 'problems' in error) problems = error.problems as readonly { readonly text: string }[]
    else if (codeOf(error) !== 'CONTROL_UNREACHABLE') throw error
  }
  const [{ bundleOf }, { readSite }, { brokenFacts }] = await Promise.all([import('../main/bundle.ts'), import('./rooms.ts'), import('../main/check-up.ts')])
  const store = problems ? brokenFacts(file, problems).store : (await readSite(file)).store.path
  const eventLog = events > 0 ? await openEvents(path.join(store, 'events')).catch(() => null) : null
  const bundle = await bundleOf({ file, store, status: null, logLines: [], checkUp: () => stoppedCheckUp(file, problems), events, eventLog: eventLog ?? null, clock, progress, problems: problems?.map(({ text }) => text) ?? [] })
  return { bundle, running: false }
}
