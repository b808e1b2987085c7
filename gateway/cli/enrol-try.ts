import { currentCertificate, type EnrolOptions } from '../../cloud-sync/enrol/enrol.ts'
import { listenedTo, tryConnection, type TrialStep } from '../../cloud-sync/enrol/trial.ts'
import type { Label } from '../contract/index.ts'
import { controlClient } from '../control/client.ts'
import { codeOf, GatewayError, systemClock as clock } from '../kit/index.ts'
import { createLog } from '../kit/log.ts'
import { version } from '../version.ts'
import { languageOfTerminal, say } from './ask/terminal.ts'
import { paint, print, printJson, stopSignal } from './output.ts'
import type { Site } from './rooms.ts'

type Uplink = Site['uplinks'][number]
export interface Tried { readonly uplink: Uplink; readonly parts: EnrolOptions; /** The gateway's control socket: one that runs speaks for itself. */ readonly socket: string }
/** What is proven; `topic` on which, `acked` records of the running gateway that the city has. */
interface Proof { readonly step: TrialStep; readonly topic?: string; readonly acked?: number }

const steps: Readonly<Record<TrialStep, Label>> = {
  connected: { zh: '平台让网关登录了', en: 'the broker lets the gateway in' },
  published: { zh: '第一条消息已被确认', en: 'the first message is acknowledged' },
  subscribed: { zh: '可以收到平台的消息', en: 'the gateway may listen' },
}

/** As a line of the terminal. */
export function proofText({ step, topic, acked }: Proof): Label {
  if (acked !== undefined) return { zh: `网关正在运行，平台已确认它的 ${acked} 条消息，因此没有另发`, en: `the gateway runs, and ${acked} of its records are acknowledged; so nothing more was published` }
  const { zh, en } = steps[step]
  return topic === undefined ? { zh, en } : { zh: `${zh}：${topic}`, en: `${en}: ${topic}` }
}

export const listensToNothing: Label = { zh: '这条链路不接收平台的命令（站点文件里没有 commands、configuration、confirm）', en: 'this uplink listens to nothing: its entry in the site file has no commands, configuration or confirm' }

/** A certificate that is in place needs no second token. */
export const brokerIsNext = (again: string): Label => ({
  zh: `证书已存好，平台连接没有成功；改好后用 ${again} 再试，不需要新令牌`, en: `the certificate is in place, the connection is not proven: when that is mended, try it again with ${again}; no new token is needed`,
})

/** Does with the broker what the gateway will do, with the files that enrolment keeps; tells each thing that is proven. Throws what tryConnection throws, CONTROL_FORBIDDEN. */
export async function prove({ uplink, parts: { gateway, region, files }, socket }: Tried, told: (proof: Proof) => void, signal: AbortSignal): Promise<void> {
  // Before any enrolment, as with a platform of users and passwords, the uplink is tried as the site file has it.
  const config = await currentCertificate(files) ? { ...uplink, cert: files.cert, key: files.key, ...(uplink.ca ?? files.ca ? { ca: uplink.ca ?? files.ca! } : {}) } : uplink
  const acked = await acknowledged(socket, uplink.id)
  const done = (step: TrialStep, topic: string): void => { told({ step, ...(topic === '' ? {} : { topic }) }); if (step === 'connected' && acked !== null) told({ step: 'published', acked }) }
  // Nobody has asked the clock yet.
  await tryConnection({ config, gateway, region, version, clock, log: createLog({ level: 'fatal' }), timeQuality: () => 'unsynced', publishes: acked === null, done }, signal)
}

export const isDeaf = ({ uplink, parts: { gateway, region } }: Tried): boolean => listenedTo({ config: uplink, gateway, region }).length === 0

/** Records of the running gateway that the city acknowledged over this uplink; null where it has none to show, or does not run. Throws CONTROL_FORBIDDEN. */
async function acknowledged(socket: string, uplink: string): Promise<number | null> {
  const status = await controlClient(socket).status().catch((error: unknown) => { if (codeOf(error) !== 'CONTROL_UNREACHABLE') throw error; return null })
  const own = status?.uplinks.find(({ id }) => id === uplink)
  return own?.state === 'online' ? own.acked : null
}

/** As `--json` tells it. */
export type Outcome = { readonly ok: true; readonly proven: readonly Proof[] } | { readonly ok: false; readonly proven: readonly Proof[]; readonly code: string; readonly message: string }

/**
 * The trial where nobody is asked anything; without `json` each thing is told as it is proven, and `next` where something is not. The exit code is 1
 * then. Whatever stops it is an outcome, a socket that may not be opened too: what was done before the trial must still be told.
 */
export async function tryOut(tried: Tried, json: boolean, next: Label): Promise<Outcome> {
  const language = languageOfTerminal()
  const { log } = await import('@clack/prompts')
  const proven: Proof[] = []
  const told = (proof: Proof): void => { proven.push(proof); if (!json) log.success(say(proofText(proof), language)) }
  try {
    await prove(tried, told, stopSignal())
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    process.exitCode = 1
    const { code, message } = error
    if (!json) { log.error(`${code} ${message}`); print(say(next, language)) }
    return { ok: false, proven, code, message }
  }
  if (!json && isDeaf(tried)) log.info(say(listensToNothing, language))
  if (!json) print(paint('green', say({ zh: '平台连接正常', en: 'the platform can be used' }, language)))
  return { ok: true, proven }
}

/** `linli enrol --try`: the trial alone, with the certificate that is there; no token is spent. */
export async function tryEnrolment(file: string, tried: Tried, json: boolean): Promise<void> {
  const { ok, ...outcome } = await tryOut(tried, json, { zh: `改好后再试：linli enrol ${file} --try`, en: `when that is mended, try again: linli enrol ${file} --try` })
  if (json) printJson({ ok, uplink: tried.uplink.id, ...outcome })
}
