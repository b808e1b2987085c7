import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { connectAsync } from 'mqtt'
import { describe, expect, it, onTestFinished } from 'vitest'
import { devicePassword, runGateway, siteFile } from '../../support/gateways.ts'
import { linli } from '../../support/command-line.ts'
import { json, receiver } from '../../support/receivers.ts'
import { child, freePort, tempFolder } from '../../support/resources.ts'
import { findTool, itWith } from '../../support/tools.ts'

const token = 'tok-5f3a9c1e77b2'
const key = 'SEC-9d81c2f4ab'

/** A help button and a temperature on the building's own broker, and who is told. */
async function site(channels: readonly string[], port: number): Promise<{ readonly file: string; readonly folder: string }> {
  const folder = await tempFolder()
  await writeFile(path.join(folder, 'token'), `${token}\n`)
  await writeFile(path.join(folder, 'secret'), `${key}\n`)
  const file = await siteFile(folder, [
    'connections:', `  - { id: broker, driver: mqtt, mode: broker, listen: { host: 127.0.0.1, port: ${port} } }`,
    'devices:', '  - id: env', '    name: { zh: 一层温度, en: hall temperature }', '    connection: broker', '    place: hall', '    username: env', '    password: { env: LINLI_TEST_PASSWORD }',
    '    subscribes: [house/alerts]', '    points:', '      t: { name: { zh: 温度, en: temperature }, type: number, unit: Cel, topic: env/t }',
    'rules:', '  - { id: hot, kind: threshold, point: env.t, above: 50, severity: 1, title: { zh: 温度过高, en: too hot } }',
    'escalation:', '  - { id: all, steps: [{ after: 0s, channels: [duty] }] }',
    'channels:', ...channels,
  ])
  return { file, folder }
}

const publish = async (port: number, topic: string, payload: string): Promise<void> => {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { username: 'env', password: devicePassword, clientId: 'env', reconnectPeriod: 0 })
  await client.publishAsync(topic, payload, { qos: 1 })
  await client.endAsync()
}

describe('channels of a running gateway', () => {
  it('bring an alert from the sensor to the group and its receipt into the timeline, and no secret into log, status or journal', async () => {
    const service = await receiver(() => json({ errcode: 0, errmsg: 'ok' }))
    const port = await freePort()
    const { file, folder } = await site([`  - { id: duty, kind: dingtalk, token: { file: token }, secret: { file: secret }, baseUrl: "${service.url}" }`], port)
    const gateway = await runGateway(file)
    await publish(port, 'env/t', '71')
    await expect.poll(() => service.received.length, { timeout: 10_000 }).toBe(1)
    expect(service.received[0]!.query.get('access_token')).toBe(token)
    expect((JSON.parse(service.received[0]!.body) as { markdown: { text: string } }).markdown.text).toMatch(/^【特急】温度过高\n\n地点：hall\n\n设备：一层温度\n/)
    await expect.poll(async () => (await gateway.status()).alerts[0]?.timeline.map(({ what, data }) => `${what} ${(data?.channel as string | undefined) ?? ''}`.trim()), { timeout: 10_000 }).toContain('delivered duty')
    expect((await linli('status', '--site', file)).stdout).toMatch(/^channel duty: dingtalk idle  sent 1  waiting 0  given up 0$/m)

    service.answer = () => json({ errcode: 310000, errmsg: `sign not match ${token} ${key}` })
    const trial = await linli('notify', 'test', 'duty', '--site', file)
    expect(trial).toMatchObject({ code: 1, stdout: expect.stringMatching(/^NOTIFY_SIGNATURE channel duty /) })
    const listed = await linli('notify', '--site', file, '--json')
    expect(JSON.parse(listed.stdout)).toMatchObject([{ id: 'duty', sent: 1 }])
    gateway.process.kill('SIGTERM')
    await gateway.exited
    const { stdout: found } = await new Promise<{ stdout: string }>((resolve) => { let stdout = ''; const grep = child('grep', ['-rlaE', `${token}|${key}`, path.join(folder, 'data')]); grep.stdout!.on('data', (chunk) => { stdout += String(chunk) }); grep.on('close', () => resolve({ stdout })) })
    expect(found).toBe('')
    for (const text of [gateway.log.join(''), trial.stdout, trial.stderr, listed.stdout]) expect(text).not.toMatch(new RegExp(`${token}|${key}`))
  })
  it('killed while the service is away, deliver after the next start', async () => {
    const service = await receiver()
    await service.stop()
    const port = await freePort()
    const { file } = await site([`  - { id: duty, kind: webhook, url: "${service.url}/" }`], port)
    const first = await runGateway(file)
    await publish(port, 'env/t', '71')
    await expect.poll(async () => (await first.status()).channels[0], { timeout: 10_000 }).toMatchObject({ state: 'failing', waiting: 1, lastError: 'NOTIFY_UNREACHABLE' })
    first.process.kill('SIGKILL')
    await first.exited
    const again = await receiver(undefined, { port: service.port })
    await runGateway(file)
    await expect.poll(() => again.received.map(({ body }) => (JSON.parse(body) as { title: string }).title), { timeout: 10_000 }).toEqual(['温度过高'])
  })
  itWith('mosquitto_sub')('publish on the building’s own broker', async () => {
    const port = await freePort()
    const { file } = await site(['  - { id: duty, kind: mqtt, connection: broker, topic: house/alerts }'], port)
    await runGateway(file)
    const lines: string[] = []
    const listener = child(findTool('mosquitto_sub')!, ['-h', '127.0.0.1', '-p', `${port}`, '-u', 'env', '-P', devicePassword, '-i', 'env', '-t', 'house/alerts'])
    listener.stdout!.on('data', (chunk) => lines.push(...String(chunk).split('\n')))
    // The listener does not say when it has subscribed.
    await expect.poll(async () => { expect(await linli('notify', 'test', 'duty', '--site', file)).toMatchObject({ code: 0, stdout: expect.stringContaining('channel duty took a message marked TEST') }); return lines.length }, { timeout: 15_000, interval: 300 }).toBeGreaterThan(0)
    expect(JSON.parse(lines.find((line) => line.startsWith('{'))!)).toMatchObject({ title: '通知通道测试', test: true, gateway: 'hall-1' })
  })
})

describe('linli notify without a gateway', () => {
  it('tries a channel straight from the site file, its secrets beside it', async () => {
    const service = await receiver(() => json({ code: 0 }))
    const { file } = await site([`  - { id: duty, kind: feishu, token: { file: token }, secret: { file: secret }, baseUrl: "${service.url}" }`], 1883)
    onTestFinished(() => { delete process.env.LINLI_TEST_PASSWORD })
    process.env.LINLI_TEST_PASSWORD = devicePassword
    expect(await linli('notify', '--site', file, '--json')).toMatchObject({ code: 0, stdout: '[{"id":"duty","kind":"feishu","state":"not running"}]\n' })
    const trial = await linli('notify', 'test', 'duty', '--site', file, '--json')
    expect(JSON.parse(trial.stdout)).toMatchObject({ channel: 'duty', ok: true })
    expect(service.received.map(({ path: at }) => at)).toEqual([`/open-apis/bot/v2/hook/${token}`])
    expect(await linli('notify', 'test', 'dutyy', '--site', file)).toMatchObject({ code: 1, stderr: expect.stringMatching(/^NOTIFY_CHANNEL_UNKNOWN no channel "dutyy"; did you mean "duty"\?/) })
    expect(await linli('notify', 'tets', 'duty', '--site', file)).toMatchObject({ code: 1, stderr: expect.stringMatching(/^NOTIFY_USAGE /) })
    expect(await linli('notify', 'test', 'duty', '--socket', '/nowhere.sock')).toMatchObject({ code: 1, stderr: expect.stringMatching(/^CONTROL_UNREACHABLE /) })
  })
  it('says why it did not get through, and what to do', async () => {
    const { file } = await site(['  - { id: duty, kind: webhook, url: "http://127.0.0.1:1/" }'], 1883)
    const trial = await linli('notify', 'test', 'duty', '--site', file)
    expect(trial).toMatchObject({ code: 1, stdout: expect.stringMatching(/^NOTIFY_UNREACHABLE channel duty \(127\.0\.0\.1:1\): no connection \(ECONNREFUSED\); check network/) })
  })
})
