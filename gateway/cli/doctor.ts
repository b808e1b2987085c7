import { controlClient } from '../control/client.ts'
import { codeOf, silentLog, systemClock as clock } from '../kit/index.ts'
import { exitCodeOf, type CheckFinding, type CheckUp } from '../support/findings.ts'
import type { GatewayStatus } from '../status.ts'
import { paint, print, printJson, table } from './output.ts'
import { siteMeant, socketPath, type SocketOptions } from './socket.ts'

export interface DoctorCommand extends SocketOptions { readonly json?: boolean }

/** `linli doctor`: what is wrong and what to do about it, of a gateway that runs or not. Exit code 0, 1 with warnings, 2 with faults. */
export async function doctor(site: string | undefined, options: DoctorCommand): Promise<void> {
  const file = siteMeant({ ...options, ...(site === undefined ? {} : { site }) })
  const { checkUp, status } = await ask(file, options.socket)
  process.exitCode = exitCodeOf(checkUp.findings)
  if (options.json) return printJson({ ...checkUp, connections: status?.connections ?? [] })
  if (status) print(renderLines(status))
  print(renderCheckUp(checkUp))
}

/** The running gateway looks, with its own rights; where none answers, this process does. Throws ConfigError CONTROL_UNREACHABLE without a site file, given or the service's. */
async function ask(file: string | undefined, socket: string | undefined): Promise<{ readonly checkUp: CheckUp; readonly status: GatewayStatus | null }> {
  const broken = { problems: null as null | readonly { readonly text: string }[] }
  const at = await socketPath({ ...(file === undefined ? {} : { site: file }), ...(socket === undefined ? {} : { socket }) }).catch(async (error: unknown) => {
    if (!(error instanceof Error) || !('problems' in error)) throw error
    broken.problems = error.problems as readonly { readonly text: string }[]
    return ''
  })
  if (!broken.problems) {
    const client = controlClient(at)
    try { return { checkUp: await client.checkUp(), status: await client.status() } } catch (error) {
      if (codeOf(error) !== 'CONTROL_UNREACHABLE' || file === undefined) throw error
    }
  }
  return { checkUp: await stoppedCheckUp(file!, broken.problems), status: null }
}

/** Of a gateway that does not run, as this user may see it. */
export async function stoppedCheckUp(file: string, problems: readonly { readonly text: string }[] | null): Promise<CheckUp> {
  const [{ checkUp }, { brokenFacts, siteFacts }, { readSite }, { version }, { hasAccounts }, { found }, { HostClock }] = await Promise.all([
    import('../support/check-up.ts'), import('../main/check-up.ts'), import('./rooms.ts'), import('../version.ts'), import('../main/support.ts'), import('../support/findings.ts'), import('../host-clock.ts'),
  ])
  const site = problems ? null : await readSite(file)
  const facts = site ? await siteFacts(site, { now: clock.now(), runsWith: null, hasAdmin: await hasAccounts(site) }) : brokenFacts(file, problems!)
  const stopped = found('DOCTOR_STOPPED', 'warning', 'configuration', file, ['网关没有在运行。', 'The gateway does not run.'], ['启动它：systemctl start linli，或 linli run。', 'Start it: systemctl start linli, or linli run.'])
  return checkUp({
    facts: { ...facts, found: [stopped, ...facts.found] }, clock, version, status: null,
    async synchronised() {
      await using host = new HostClock({ clock, log: silentLog() })
      await host.ready
      return host.synchronised
    },
  })
}

const marks = { fault: ['red', '✗'], warning: ['yellow', '!'], notice: ['cyan', 'i'] } as const

export function renderCheckUp({ findings, ok, version, gateway, running }: CheckUp): string {
  const counts = (['fault', 'warning', 'notice'] as const).map((severity) => `${findings.filter((each) => each.severity === severity).length} ${severity}s`).join(', ')
  return [
    `${paint('bold', gateway ?? 'site file')}  version ${version}  ${running ? 'running' : 'not running'}`,
    ...findings.map(renderFinding),
    ...(ok.length > 0 ? [paint('green', `well: ${ok.join(', ')}`)] : []),
    counts,
  ].join('\n\n')
}

function renderFinding({ code, severity, area, where, what, next, detail }: CheckFinding): string {
  const [colour, mark] = marks[severity]
  // What devices and files say may hold anything.
  // eslint-disable-next-line no-control-regex
  const plain = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
  return [paint(colour, `${mark} ${severity}  ${area}  ${plain(where)}  ${code}`), `  ${what.zh} ${what.en}`, ...(detail ? [`  ${plain(detail)}`] : []), `  → ${next.zh === next.en ? plain(next.en) : `${plain(next.zh)} ${plain(next.en)}`}`].join('\n')
}

/** The counters of each line, as a support engineer reads them. */
function renderLines({ connections }: GatewayStatus): string {
  return connections.map(({ id, driver, state, statistics, devices: each }) => {
    const names = [...new Set(Object.values(each).flatMap((counters) => Object.keys(counters)))]
    return [
      `${paint('bold', id)}  ${driver}  ${state}`,
      ...(Object.keys(statistics).length > 0 ? [`  ${Object.entries(statistics).map(([name, value]) => `${name} ${value}`).join('  ')}`] : []),
      ...(names.length > 0 ? [table([['  DEVICE', ...names], ...Object.entries(each).map(([device, counters]) => [`  ${device}`, ...names.map((name) => String(counters[name] ?? ''))])])] : []),
      '',
    ].join('\n')
  }).join('\n')
}
