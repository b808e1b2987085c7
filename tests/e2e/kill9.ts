import mqtt, { type MqttClient } from 'mqtt'
import { onTestFinished } from 'vitest'
import { startCity } from '../../cloud-sync/simulator.ts'
import type { VerifyReport } from '../../cloud-sync/verify/verifier.ts'
import { devicePassword, kioskDevice, runGateway, siteFile, type RunningGateway } from '../support/gateways.ts'
import { freePort, tempFolder } from '../support/resources.ts'
import { seededRandom } from '../support/seed.ts'

export interface KillOutcome {
  readonly kills: number
  /** The kiosk's own numbers that got a PUBACK. */
  readonly acknowledged: readonly number[]
  /** The same numbers as the city received them, first time each, in order of arrival. */
  readonly received: readonly number[]
  readonly report: VerifyReport
}

/**
 * A kiosk sends numbered sessions, each again until it has its PUBACK, while the gateway is killed with SIGKILL at random moments and
 * started again. Every number carries the kiosk's own event id, so a resend is one event.
 */
export async function killWhilePublishing({ publishes, kills }: { readonly publishes: number; readonly kills: number }): Promise<KillOutcome> {
  const random = seededRandom()
  const folder = await tempFolder()
  const brokerPort = await freePort()
  const city = await startCity()
  onTestFinished(() => city.stop())
  const received: number[] = []
  const seen = new Set<number>()
  city.onEvent(({ type, data }) => { if (type === 'org.linli.kiosk.v1' && typeof data.n === 'number' && !seen.has(data.n)) { seen.add(data.n); received.push(data.n) } })
  const file = await siteFile(folder, [
    `connections: [{ id: broker, driver: mqtt, messagesPerSecond: 1000000, listen: { port: ${brokerPort} } }]`, 'devices:', kioskDevice('kiosk'), `uplinks: [{ id: city, url: "${city.url}", protocol: "3.1.1" }]`,
  ])

  let gateway: RunningGateway = await runGateway(file)
  const kiosk = publisher(`mqtt://127.0.0.1:${brokerPort}`, publishes)
  for (let kill = 0; kill < kills; kill++) {
    // Spread over the work, not over the time: at random shares of what is still to be sent.
    const target = kiosk.acknowledged.length + Math.ceil(((publishes - kiosk.acknowledged.length) / (kills - kill + 1)) * (0.5 + random()))
    await until(() => kiosk.acknowledged.length >= target || kiosk.acknowledged.length === publishes)
    await new Promise((resolve) => setTimeout(resolve, random() * 5))
    gateway.process.kill('SIGKILL')
    await gateway.exited
    gateway = await runGateway(file)
  }
  await until(() => kiosk.acknowledged.length === publishes)
  await until(() => seen.size === publishes)
  kiosk.stop()
  gateway.process.kill('SIGTERM')
  await gateway.exited
  return { kills, acknowledged: kiosk.acknowledged, received, report: city.verifier.report() }
}

const window = 20

/** Sends 1…count in order, `window` in the air; what was in the air when the connection went is sent again, oldest first. */
function publisher(url: string, count: number): { readonly acknowledged: number[]; stop(): void } {
  const acknowledged: number[] = []
  const done = new Set<number>()
  const inAir = new Set<number>()
  let client: MqttClient
  let stopped = false
  const fill = (): void => {
    for (let n = lowest(); inAir.size < window && n <= count; n++) {
      if (done.has(n) || inAir.has(n)) continue
      inAir.add(n)
      const used = client
      client.publish('devices/kiosk/session', JSON.stringify({ id: `session-${n}`, n, item: 'senior-card', result: 'done', at: Date.now() }), { qos: 1 }, (error) => {
        if (used !== client) return
        inAir.delete(n)
        if (!error && !done.has(n)) { done.add(n); acknowledged.push(n) }
        if (!error) fill()
      })
    }
  }
  let low = 1
  const lowest = (): number => { while (done.has(low)) low++; return low }
  const open = (): void => {
    if (stopped) return
    inAir.clear()
    client = mqtt.connect(url, { clientId: 'kiosk', username: 'kiosk', password: devicePassword, reconnectPeriod: 0, connectTimeout: 2_000 })
    client.on('error', () => {})
    client.once('connect', fill)
    const used = client
    client.once('close', () => { used.end(true); setTimeout(open, 20) })
  }
  open()
  return { acknowledged, stop: () => { stopped = true; client.end(true) } }
}

async function until(condition: () => boolean, timeoutMs = 60_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('what the test waited for did not happen')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
