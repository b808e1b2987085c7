import { connect as openSocket } from 'node:net'
import path from 'node:path'
import type { Clock } from '../contract/index.ts'
import { codeOf, describe } from '../kit/index.ts'
import type { GatewayStatus } from '../status.ts'
import { checkCertificate, checkMode, checkSecret, type CertificateFile, type SecretPlace } from './check-files.ts'
import { checkClock, checkDisk, checkMachine, thisHost, type Host } from './check-host.ts'
import { checkNetwork, type Endpoint } from './check-network.ts'
import { checkOpcua, type OpcuaPki } from './check-opcua.ts'
import { checkPort, type PortNeed } from './check-ports.ts'
import { checkStatus } from './check-status.ts'
import { areas, found, ordered, type Area, type CheckFinding, type CheckUp } from './findings.ts'

/** What a check-up needs to know of a site; the composition root draws it up. */
export interface SiteFacts {
  readonly gateway: string | null
  /** What of it is wrong or will not please, found without a device: the site file, sound, the roster. */
  readonly found: readonly CheckFinding[]
  readonly store: string
  readonly ports: readonly PortNeed[]
  readonly endpoints: readonly Endpoint[]
  readonly certificates: readonly CertificateFile[]
  readonly secrets: readonly SecretPlace[]
  /** Where the page ought to listen; null where it is off. */
  readonly page: { readonly host: string; readonly port: number } | null
  readonly opcua?: readonly OpcuaPki[]
  /** What only the composition root can look at. */
  readonly looks?: readonly (readonly [Area, () => Promise<readonly CheckFinding[]>])[]
}

export interface CheckParts {
  readonly facts: SiteFacts
  readonly clock: Clock
  readonly version: string
  /** Null: it does not run. */
  readonly status: GatewayStatus | null
  /** Of a gateway that does not run: whether somebody sets the clock. */
  synchronised(): Promise<boolean>
  readonly host?: Host
}

const patienceMs = 8_000
/** Only a running gateway can say that these are well. */
const ofRunning: ReadonlySet<Area> = new Set(['store', 'devices', 'city', 'alarms'])

/** Looks at everything at once; a look that fails or takes too long is a finding of its own. Never throws. */
export async function checkUp({ facts, clock, version, status, synchronised, host = thisHost }: CheckParts): Promise<CheckUp> {
  const now = clock.now()
  const looks: readonly (readonly [Area, () => Promise<readonly CheckFinding[]>])[] = [
    ['configuration', async () => facts.found],
    ['clock', async () => (status ? checkClock(now, status.timeQuality === 'synced', status.timeQuality !== 'unsynced') : checkClock(now, await synchronised()))],
    ['disk', () => checkDisk(facts.store, host)],
    ['store', async () => (status ? checkStatus(status) : [])],
    ['machine', () => checkMachine(host)],
    ['devices', async () => (await Promise.all(facts.ports.map(checkPort))).flat()],
    ['network', () => checkNetwork(facts.endpoints, clock, host)],
    ['certificates', async () => (await Promise.all(facts.certificates.map((each) => checkCertificate(each, now)))).flat()],
    ['secrets', async () => (await Promise.all([...facts.secrets.map(checkSecret), ...ownFiles(facts).map((file) => checkMode(file))])).flat()],
    ['certificates', async () => (await Promise.all((facts.opcua ?? []).map((each) => checkOpcua(each, now)))).flat()],
    ['console', () => checkPage(facts, status !== null)],
    ...facts.looks ?? [],
  ]
  const findings = (await Promise.all(looks.map(([area, look]) => limited(clock, area, look)))).flat()
  const wrong = new Set(findings.map(({ area }) => area))
  return { at: now, gateway: facts.gateway, version, running: status !== null, findings: ordered(findings), ok: areas.filter((area) => !wrong.has(area) && (status !== null || !ofRunning.has(area))) }
}

async function limited(clock: Clock, area: Area, look: () => Promise<readonly CheckFinding[]>): Promise<readonly CheckFinding[]> {
  const stop = new AbortController()
  const failed = (why: string): readonly CheckFinding[] => [found('DOCTOR_CHECK_FAILED', 'notice', area, area, ['这一项没有查成。', 'This could not be looked at.'], ['再试一次；用网关的用户或 root 运行。', 'Try again, as the gateway’s user or root.'], why)]
  const late = clock.sleep(patienceMs, stop.signal).then(() => failed(`no answer within ${patienceMs / 1_000} s`), () => [])
  return Promise.race([look().catch((error: unknown) => failed(`${codeOf(error)}: ${describe(error)}`)), late]).finally(() => stop.abort())
}

/** What holds keys of the gateway's own; one that is not there has no mode. */
const ownFiles = ({ store, certificates }: SiteFacts): readonly string[] => [
  ...['site.key', 'site.keys', 'signing.key', 'console', 'residents', 'journal'].map((name) => path.join(store, name)),
  ...certificates.flatMap(({ key }) => key ?? []),
]

async function checkPage({ page }: SiteFacts, running: boolean): Promise<readonly CheckFinding[]> {
  if (!page || !running || page.port === 0) return []
  const host = page.host === '0.0.0.0' || page.host === '::' ? '127.0.0.1' : page.host
  const failed = await new Promise<string | null>((resolve) => {
    const socket = openSocket({ host, port: page.port, timeout: 2_000 }, () => { socket.destroy(); resolve(null) })
    socket.on('timeout', () => { socket.destroy(); resolve('ETIMEDOUT') })
    socket.on('error', (error) => resolve(codeOf(error)))
  })
  return failed === null ? [] : [found('DOCTOR_CONSOLE_DOWN', 'fault', 'console', `${host}:${page.port}`, ['值守页面打不开。', 'The page for staff does not answer.'], ['看端口是否被别的程序占用；linli logs --room console。', 'See whether another program has the port; linli logs --room console.'], failed)]
}
