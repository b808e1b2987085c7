import path from 'node:path'
import { describe, expect, onTestFinished } from 'vitest'
import type { GatewayEvent } from '../../gateway/contract/index.ts'
import { readSite } from '../../gateway/cli/rooms.ts'
import { controlClient } from '../../gateway/control/client.ts'
import { silentLog } from '../../gateway/kit/index.ts'
import { startGateway } from '../../gateway/main.ts'
import { connected } from '../platform/consumers.ts'
import { essence, lifeOf } from '../support/alert-city.ts'
import { devicePassword, kioskDevice, siteFile } from '../support/gateways.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { freePort, tempFolder } from '../support/resources.ts'
import { itWith } from '../support/tools.ts'
import { watch } from '../support/uplinks.ts'

const base = 'linli/v1/420106/hall-1'

describe('the line to the city is cut', () => {
  itWith('mosquitto')('both sides act on one alert, and end equal when it is back', { timeout: 60_000 }, async () => {
    const broker = await mosquitto()
    const city = await watch(broker.url)
    const [port, folder] = [await freePort(), await tempFolder()]
    const file = await siteFile(folder, [
      'connections:', `  - { id: broker, driver: mqtt, listen: { port: ${port} } }`, 'devices:', kioskDevice('kiosk'),
      'rules:', '  - { id: paper, kind: threshold, point: kiosk.paper, below: 10, severity: 2, title: { zh: 缺纸, en: low on paper } }',
      `uplinks: [{ id: city, url: "${broker.url}", commands: { actors: { ioc: { alerts: true } } } }]`,
    ])
    process.env.LINLI_TEST_PASSWORD = devicePassword
    const gateway = await startGateway({ site: await readSite(file), log: silentLog() })
    onTestFinished(() => gateway[Symbol.asyncDispose]())
    const control = controlClient(path.join(folder, 'data/linli.sock'))
    const kiosk = await connected(`mqtt://127.0.0.1:${port}`, { clientId: 'kiosk', username: 'kiosk', password: devicePassword })
    const paper = (seq: number, left: number) => kiosk.publishAsync('devices/kiosk/state', JSON.stringify({ seq, paper: left, online: true }), { qos: 1 })
    const records = (): GatewayEvent[] => city.records.filter(({ type }) => type === 'org.linli.alert.v1').map(({ data, time }) => ({ stream: 'alert', type: 'alert', at: Date.parse(time), subject: String(data.id), data }) as GatewayEvent)
    let requests = 0
    const ask = (issuedat: string, alert: string, what: object) => city.publish(`${base}/cmd/req`, JSON.stringify({ id: `c-${++requests}`, actor: 'ioc', issuedat, alert, ...what }))
    const now = (): string => new Date().toISOString()

    await paper(1, 5)
    await expect.poll(() => records().map(({ data }) => data.state), { timeout: 10_000 }).toEqual(['raised'])
    const { id } = records()[0]!.data as { id: string }
    const cityActed = now()
    await broker.kill()
    // While apart: the box acknowledges and comments, the cause goes away and comes back.
    await control.orderAlerts({ act: 'acknowledge', alert: id, by: 'wang' })
    await control.orderAlerts({ act: 'comment', alert: id, text: 'roll is on its way', by: 'wang' })
    await paper(2, 90)
    await broker.start()
    // The city had acknowledged first, and hears of the rest only now. Nobody listens yet: it asks again and again, under the same ids.
    const again = async (n: number, what: object) => {
      requests = n - 1
      await ask(cityActed, id, what)
      return JSON.parse(city.retained.get(`${base}/cmd/res`) ?? '{}') as object
    }
    await expect.poll(() => again(1, { act: 'acknowledge' }), { timeout: 20_000, interval: 300 }).toMatchObject({ id: 'c-1', state: 'done' })
    await expect.poll(() => again(2, { act: 'assign', to: 'unit-7' }), { timeout: 20_000, interval: 300 }).toMatchObject({ id: 'c-2', state: 'done', alert: id })
    // A box that does not know the time cannot compare it with the city's: what comes counts from when it is heard.
    const synced = gateway.status().timeQuality !== 'unsynced'
    const alert = await control.alert(id)
    expect(alert).toMatchObject({ state: 'acknowledged', condition: 'returned', acknowledged: synced ? { by: 'ioc', at: Date.parse(cityActed) } : { by: 'wang' }, assigned: { by: 'ioc' } })
    expect(alert.timeline.map(({ what }) => what).toSorted()).toEqual([...(synced ? ['acknowledged'] : []), 'acknowledged', 'assigned', 'cleared', 'commented', 'raised'])

    await expect.poll(() => records().length, { timeout: 20_000 }).toBe(synced ? 6 : 5)
    expect(essence(lifeOf(records()))).toEqual(essence(alert))
    expect(records().at(-1)!.data).toMatchObject({ phase: 'acknowledged', condition: 'returned' })
    expect(city.verifier.report()).toMatchObject({ holes: [], chainBreaks: [], invalid: 0 })
  })
})
