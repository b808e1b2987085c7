import { createPublicKey } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { CityLink } from '../../cloud-sync/link.ts'
import { readReported, type Reported } from '../../cloud-sync/desired/reported.ts'
import { openSigner } from '../../cloud-sync/ledger/signing.ts'
import { topicsOf } from '../../cloud-sync/topics.ts'
import { ConfigurationBook } from '../../firmware-config/apply/index.ts'
import { readSite } from '../../gateway/cli/rooms.ts'
import { FakeClock, silentLog } from '../../gateway/kit/index.ts'
import { Changes } from '../../gateway/main/changes.ts'
import { createDesired } from '../../gateway/main/desired.ts'
import { desiredMessage, newKey } from '../support/desired-city.ts'
import { siteFile } from '../support/gateways.ts'
import { recordingLog } from '../support/logs.ts'
import { tempFolder } from '../support/resources.ts'

const key = newKey()
const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64')

/** A desk on the real changes of a real site file; of the gateway there is only what is asked of it. */
async function desk() {
  const folder = await tempFolder()
  const file = await siteFile(folder, [`uplinks: [{ id: city, url: "mqtt://127.0.0.1:1", configuration: { keys: [{ actor: platform, publicKey: "${publicKey}" }] } }]`])
  const [site, text] = [await readSite(file), await readFile(file, 'utf8')]
  const { book } = await ConfigurationBook.open(path.join(site.store.path, 'configurations'))
  const [clock, lines] = [new FakeClock(), [] as string[]]
  await book.found(text, clock.now(), { reason: '' })
  const changes = new Changes({ book, site, text, clock, log: silentLog(), read: (other) => readSite(file, { text: other }), boot: async () => ({ boot: 'a', upMs: clock.monotonic() }), answers: async () => true, untold: { events: [], alerts: [] } })
  const made = await createDesired({ site, topics: topicsOf('linli/v1', '420106', 'hall-1'), config: site.uplinks[0]!.configuration!, signer: await openSigner(site.store.path, silentLog()), changes, clock, log: recordingLog(lines) })
  const published: Reported[] = []
  let hear: (payload: Uint8Array) => void = () => {}
  const link: CityLink = {
    protocol: 5, publish: (topic, payload, options) => { expect([topic, options?.retain]).toEqual(['linli/v1/420106/hall-1/config/reported', true]); published.push(readReported(Buffer.from(payload).toString())) },
    subscribe: (topic, handler) => { expect(topic).toBe('linli/v1/420106/hall-1/config/desired'); hear = (payload) => handler({ payload, retain: true }); return () => {} },
  }
  made.attached(link)
  await clock.advance(100)
  return {
    folder, file, text, book, changes, clock, lines, published, desk: made, hear: (message: object | string) => hear(Buffer.from(typeof message === 'string' ? message : JSON.stringify(message))),
    message: (version: number, site: string, more = {}) => desiredMessage(key, made.reported().recipient, { site, ...more }, { version }),
    stands: () => changes.attach({ status: () => ({ connections: [], devices: [], uplinks: [], rules: { quarantined: [] }, console: false }), tell: async () => {} }),
  }
}

describe('the desk for what the city wishes', () => {
  it('keeps a wish that came while the gateway turned, the newest alone, and tries it when it stands', async () => {
    const { text, file, folder, clock, desk: made, hear, message, stands, book } = await desk()
    const [older, newer] = [await message(2, `${text}# two\n`), await message(3, `${text}# three city-secrets/hook\n`, { secrets: { hook: 'x' } })]
    hear(older)
    hear(newer)
    hear(older)
    await expect.poll(() => existsSync(path.join(folder, 'city-secrets'))).toBe(true)
    await expect.poll(() => made.reported().desired).toEqual({ version: 3, actor: 'platform', state: 'waiting' })
    expect([made.reported().ignored?.code, made.reported().floor, book.entries().length]).toEqual(['DESIRED_OLD', 0, 1])
    void stands()
    await expect.poll(() => book.desired).toMatchObject({ version: 3, number: 2 })
    await expect.poll(() => readFile(file, 'utf8')).toBe(`${text}# three city-secrets/hook\n`)
    await expect.poll(() => made.reported().desired?.state).toBe('trial')
    expect(await readFile(path.join(folder, 'city-secrets/hook'), 'utf8')).toBe('x')
    await clock.advance(20)
    hear(newer)
    await clock.advance(20)
    expect(book.entries().length).toBe(2)
  })
  it('finds confirmed what runs already', async () => {
    const { text, desk: made, hear, message, stands, book } = await desk()
    await stands()
    hear(await message(1, text))
    await expect.poll(() => made.reported().desired).toMatchObject({ version: 1, state: 'confirmed', number: 1 })
    expect(book.entries().length).toBe(1)
  })
  it('is not made to talk, or to fill a log, by whoever may publish', async () => {
    const { clock, published, lines, hear, message } = await desk()
    const sound = await message(1, 'x')
    for (let n = 0; n < 50; n++) { hear({ ...sound, version: 100 + n }); await clock.advance(100) }
    expect([published.length, lines.length]).toEqual([2, 1])
    expect(published.at(-1)).toMatchObject({ desired: null, ignored: { code: 'DESIRED_SIGNATURE' }, floor: 0 })
    await clock.advance(60_000)
    expect([published.length, lines.length]).toEqual([3, 1])
    hear('')
    await clock.advance(60_000)
    expect(published.length).toBe(3)
  })
  it('refuses once, for good, and says it again to whoever connects', async () => {
    const { text, desk: made, hear, message, stands, book, clock, published } = await desk()
    await stands()
    const stranger = await desk()
    const foreign = await desiredMessage(key, stranger.desk.reported().recipient, { site: `${text}# four\n` }, { version: 4 })
    hear(foreign)
    await expect.poll(() => book.desired).toMatchObject({ version: 4, code: 'DESIRED_UNSEALED' })
    await clock.advance(50)
    hear(foreign)
    hear(await message(3, `${text}# three\n`))
    await clock.advance(50)
    expect(made.reported()).toMatchObject({ desired: { version: 4, state: 'refused', code: 'DESIRED_UNSEALED' }, ignored: { code: 'DESIRED_OLD' }, floor: 4 })
    expect([book.entries().length, published.filter(({ desired }) => desired?.code === 'DESIRED_UNSEALED').length]).toEqual([1, 2])
  })
})
