import path from 'node:path'
import mqtt, { type MqttClient } from 'mqtt'
import { expect, onTestFinished } from 'vitest'
import { startCity } from '../../cloud-sync/simulator.ts'
import type { VerifyReport } from '../../cloud-sync/verify/verifier.ts'
import type { Alert, GatewayEvent } from '../../gateway/contract/index.ts'
import { controlClient } from '../../gateway/control/client.ts'
import { codeOf } from '../../gateway/kit/index.ts'
import { essence, lifeOf } from '../support/alert-city.ts'
import { devicePassword, kioskDevice, runGateway, siteFile } from '../support/gateways.ts'
import { freePort, tempFolder } from '../support/resources.ts'
import { seed, seededRandom } from '../support/seed.ts'

export interface ActingOutcome { readonly acts: number; readonly raised: number; readonly waits: number; readonly report: VerifyReport }

const kiosks = ['k-1', 'k-2', 'k-3'] as const
type Kiosk = typeof kiosks[number]
const people = ['wang', 'zhao', 'li'] as const
const forMs = 1_000
/** A loaded machine: what the test sees, and when. */
const slackMs = 600

const house = (broker: number, city: string): readonly string[] => [
  `connections: [{ id: broker, driver: mqtt, messagesPerSecond: 100000, listen: { port: ${broker} } }]`, 'devices:', ...kiosks.map(kioskDevice),
  // Told one by one, so that each can be counted.
  'alerts: { flood: { alerts: 1000 }, chattering: { raises: 100 } }',
  'people:', ...people.map((id) => `  - { id: ${id}, name: { zh: ${id}, en: ${id} } }`),
  'shifts: [{ id: desk, plan: [{ when: ["mon-sun 00:00-24:00"], people: [wang, zhao] }] }]',
  'escalation: [{ id: all, steps: [{ to: [{ duty: desk }] }, { after: 300ms, to: [{ person: li }] }] }]',
  'rules:', ...kiosks.flatMap((kiosk) => [
    `  - { id: paper-${kiosk}, kind: threshold, point: ${kiosk}.paper, below: 10, severity: 2, title: { zh: 缺纸, en: low on paper } }`,
    `  - { id: away-${kiosk}, kind: condition, inputs: { online: ${kiosk}.online }, when: "!online", for: ${forMs}ms, severity: 3, title: { zh: 离线, en: away } }`,
  ]),
  `uplinks: [{ id: city, url: "${city}", protocol: "3.1.1" }]`,
]

/** What the test knows of a terminal: it has done it itself. */
interface Terminal { paper: number; online: boolean; seq: number; client: MqttClient | null; readonly low: number[]; readonly away: { readonly from: number; to: number }[] }
/** An act that was answered as done. */
interface Done { readonly id: string; readonly line: readonly unknown[] }

/**
 * Terminals run out of paper and go away while people answer their alerts through the control socket, and the gateway is killed with
 * SIGKILL at random moments. Everybody insists: a state until its PUBACK, an act, under the same id, until its answer. Looks at every
 * timeline after every restart, and at the end at all that the city has.
 */
export async function killWhileActing({ kills }: { readonly kills: number }): Promise<ActingOutcome> {
  const [random, moments] = [seededRandom(), seededRandom(seed + 1)]
  const [folder, broker, city] = [await tempFolder(), await freePort(), await startCity()]
  onTestFinished(() => city.stop())
  const records: GatewayEvent[] = []
  city.onEvent(({ type, time, subject, data }) => { if (type === 'org.linli.alert.v1') records.push({ stream: 'alert', type: 'alert', at: Date.parse(time), ...(subject ? { subject } : {}), data } as GatewayEvent) })
  const file = await siteFile(folder, house(broker, city.url))
  const control = controlClient(path.join(folder, 'data/linli.sock'))
  let gateway = await runGateway(file)
  let [life, seen] = [1, 1]
  let killing = true

  const terminals = new Map(kiosks.map((id): [Kiosk, Terminal] => [id, { paper: 90, online: true, seq: 0, client: null, low: [], away: [] }]))
  const done = new Map<string, Done[]>()
  const heardAgain: number[] = []
  onTestFinished(() => { for (const { client } of terminals.values()) client?.end(true) })

  /** Says its state until that is acknowledged: it is on disk then. */
  const say = async (id: Kiosk, change: { paper?: number; online?: boolean } = {}): Promise<void> => {
    const terminal = Object.assign(terminals.get(id)!, change)
    const { paper, online } = terminal
    terminal.seq++
    await insist(async () => {
      if (!terminal.client?.connected) terminal.client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker}`, { clientId: id, username: id, password: devicePassword, reconnectPeriod: 0, connectTimeout: 2_000 }, false)
      const { client } = terminal
      client.on('error', () => {})
      const gone = new Promise<never>((_, reject) => client.once('close', () => reject(Object.assign(new Error('closed'), { code: 'ECONNRESET' }))))
      gone.catch(() => {})
      try { await Promise.race([client.publishAsync(`devices/${id}/state`, JSON.stringify({ seq: terminal.seq, paper, online, printer: 'ok' }), { qos: 1 }), gone]) } catch (error) { client.end(true); throw Object.assign(new Error('not acknowledged', { cause: error }), { code: 'ECONNRESET' }) }
    })
  }

  const ours = ({ ruleId }: Alert): boolean => /^(paper|away)-/.test(ruleId)
  const alerts = async (): Promise<readonly Alert[]> => { const { open, closed } = await insist(() => control.alerts()); return [...open, ...closed].filter(ours) }
  const find = async (rule: string): Promise<Alert | undefined> => (await alerts()).find(({ ruleId }) => ruleId === rule)

  const act = async (alert: Alert): Promise<void> => {
    const what = choose(alert, random)
    const id = Array.from({ length: 16 }, () => Math.floor(random() * 16).toString(16)).join('')
    const by = pick(people, random)
    const words = ['note', 'reason', 'text'].flatMap((key) => (key in what ? [[key, id] as const] : []))
    let tries = 0
    try {
      const { outcome } = await insist(() => { tries++; return control.orderAlerts({ ...what, ...Object.fromEntries(words), alert: alert.id, id, by }) }) as { outcome: string }
      // Whoever asks again may hear that it is so already: by himself.
      if (tries === 1) expect([what.act, outcome]).toEqual([what.act, 'applied'])
      done.set(alert.id, [...done.get(alert.id) ?? [], { id, line: [past[what.act], by, words[0] && id] }])
    } catch (error) {
      // Its cause came back between the look and the act.
      if (codeOf(error) !== 'ALERT_STILL_ACTIVE') throw error
    }
  }

  /** Every act that was answered as done stands in its alert's timeline once, and nothing else does. */
  const look = async (): Promise<void> => {
    for (const [id, acts] of done) {
      const { timeline } = await insist(() => control.alert(id))
      const said = timeline.filter(({ by }) => by !== undefined && by !== 'gateway').map(({ what, by, data }) => [what, by, data?.note ?? data?.reason ?? data?.text])
      // The beginnings of long timelines are folded away.
      const kept = Math.min(acts.length, 30)
      expect(said.slice(-kept)).toEqual(acts.slice(-kept).map(({ line }) => line))
      if (timeline.length < 60) expect(said).toHaveLength(acts.length)
    }
  }

  /** Terminals speak again when they have their connection back; what one says that is not there counts as unknown. */
  const afterRestart = async (): Promise<void> => {
    if (seen === life) return
    seen = life
    await look()
    for (const id of kiosks) await say(id)
    heardAgain.push(Date.now())
  }
  const goAway = async (id: Kiosk): Promise<void> => {
    const went = { from: Date.now(), to: 0 }
    terminals.get(id)!.away.push(went)
    await say(id, { online: false })
    went.to = Date.now()
  }
  /** Not before its alert has been raised. */
  const comeBack = async (id: Kiosk): Promise<void> => {
    await until(async () => { await afterRestart(); return (await find(`away-${id}`))?.condition === 'active' })
    await say(id, { online: true })
  }

  for (const id of kiosks) await say(id)
  const killer = (async () => {
    for (let n = 0; n < kills; n++) {
      await pause(50 + moments() * 600)
      gateway.process.kill('SIGKILL')
      await gateway.exited
      gateway = await runGateway(file)
      life++
    }
  })().finally(() => { killing = false })
  killer.catch(() => {})
  while (killing || seen !== life) {
    await afterRestart()
    const [chance, id] = [random(), pick(kiosks, random)]
    const terminal = terminals.get(id)!
    if (chance < 0.12 && terminal.online) await goAway(id)
    else if (chance < 0.17 && !terminal.online) await comeBack(id)
    else if (chance < 0.4) {
      if (terminal.paper > 10) terminal.low.push(Date.now())
      await say(id, { paper: terminal.paper > 10 ? 5 : 90 })
    } else {
      const all = await alerts()
      if (all.length > 0) await act(pick(all, random))
    }
    await pause(random() * 10)
  }
  await killer
  for (const id of kiosks) if (!terminals.get(id)!.online) await comeBack(id)
  await look()

  // What the city has is what the desk knows.
  const told = (alert: string): GatewayEvent[] => records.filter(({ data }) => data.id === alert)
  const all = await Promise.all((await alerts()).map(({ id }) => control.alert(id)))
  await until(async () => (await gateway.status()).uplinks.every(({ state, backlog }) => state === 'online' && Object.values(backlog).every(({ records: waiting }) => waiting === 0)))
  await until(async () => all.every(({ id, timeline }) => told(id).at(-1)?.at === timeline.at(-1)!.at))
  expect(new Set(records.filter(({ data }) => /^(paper|away)-/.test(String(data.rule))).map(({ data }) => data.id))).toEqual(new Set(all.map(({ id }) => id)))
  for (const alert of all) {
    expect(essence(lifeOf(told(alert.id)))).toEqual(essence(alert))
    expect(told(alert.id).flatMap(({ data }) => (typeof data.act === 'string' ? [data.act] : []))).toEqual((done.get(alert.id) ?? []).map(({ id }) => id))
    escalatesOnce(told(alert.id))
  }

  // One alert for each condition, raised as often as the terminal had it.
  expect(new Set(all.map(({ key }) => key)).size).toBe(all.length)
  let [raised, waits] = [0, 0]
  for (const [id, { low, away }] of terminals) {
    const times = (rule: string): readonly number[] => records.filter(({ data }) => data.rule === rule && asksAnew(data)).map(({ at }) => at)
    expect([id, times(`paper-${id}`).length]).toEqual([id, low.length])
    const [fired, known] = [times(`away-${id}`), heardAgain]
    expect([id, fired.length]).toEqual([id, away.length])
    away.forEach(({ from, to }, index) => {
      const at = fired[index]!
      expect(at).toBeGreaterThanOrEqual(from + forMs - 5)
      // A wait that a restart began anew would be late by as much as it had waited.
      if (at > to + forMs + slackMs) expect(known.some((time) => Math.abs(time - at) <= slackMs), `away-${id} fired ${at - to} ms after it began`).toBe(true)
    })
    raised += low.length + away.length
    waits += away.length
  }
  gateway.process.kill('SIGTERM')
  await gateway.exited
  return { acts: [...done.values()].flat().length, raised, waits, report: city.verifier.report() }
}

const past = { acknowledge: 'acknowledged', assign: 'assigned', shelve: 'shelved', unshelve: 'unshelved', resolve: 'resolved', evaluate: 'evaluated', reopen: 'reopened', comment: 'commented' } as const
type Order = { readonly act: keyof typeof past; readonly [key: string]: unknown }

/** Something that makes a difference to it as it is now. */
function choose({ state, condition, shelved, assigned }: Alert, random: () => number): Order {
  const comment: Order = { act: 'comment', text: '' }
  if (state === 'closed') return pick([comment, { act: 'reopen', note: '' }], random)
  if (state === 'resolved') return pick([{ act: 'evaluate', score: 1 + Math.floor(random() * 5) }, { act: 'reopen', note: '' }, comment], random)
  return pick([
    ...(state === 'raised' ? [{ act: 'acknowledge' } as const] : []), ...(condition === 'active' ? [] : [{ act: 'resolve', note: '' } as const]),
    { act: 'assign', to: pick(people.filter((person) => person !== assigned?.to), random) },
    shelved ? { act: 'unshelve' } : { act: 'shelve', forMs: 60_000, reason: '' }, comment,
  ] satisfies readonly Order[], random)
}

/** Raised by the building, for the first time or again; not by a person. */
const asksAnew = ({ state, act, reason }: GatewayEvent['data']): boolean => act === undefined && (state === 'raised' || (state === 'reopened' && reason !== 'rating'))

/** Each time it waits for somebody, a step is told once. */
function escalatesOnce(records: readonly GatewayEvent[]): void {
  let escalated = false
  for (const { data: { state } } of records) {
    if (state === 'escalated') { expect(escalated).toBe(false); escalated = true }
    if (state === 'raised' || state === 'reopened' || state === 'unshelved') escalated = false
  }
}

const pick = <T>(list: readonly T[], random: () => number): T => list[Math.floor(random() * list.length)]!
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const gone = new Set(['CONTROL_UNREACHABLE', 'ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT'])

/** Again and again while the gateway is not there. */
async function insist<T>(work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + 20_000
  for (;;) {
    try { return await work() } catch (error) {
      if (!gone.has(codeOf(error)) || performance.now() > deadline) throw error
      await pause(10)
    }
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!await condition()) {
    if (performance.now() > deadline) throw new Error('what the test waited for did not happen')
    await pause(20)
  }
}
