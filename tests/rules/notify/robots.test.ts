import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../../gateway/kit/index.ts'
import { createDingtalk } from '../../../rules/notify/dingtalk.ts'
import { createFeishu } from '../../../rules/notify/feishu.ts'
import type { ChannelOf } from '../../../rules/notify/schema.ts'
import { createWecom } from '../../../rules/notify/wecom.ts'
import { json, receiver, type Received } from '../../support/receivers.ts'
import { channel, message, never, notice, ports, secret } from './support.ts'

const token = 'tok-5f3a9c1e77b2'
const key = 'SEC-9d81c2f4ab'
const hmac = (secretKey: string, text: string): string => createHmac('sha256', secretKey).update(text, 'utf8').digest('base64')
const hourMs = 3_600_000

describe('a DingTalk robot', () => {
  /** As the vendor checks it, from the query alone. */
  const judge = ({ query }: Received, now = Date.now()): object => {
    if (query.get('access_token') !== token) return { errcode: 300005, errmsg: 'token is not exist' }
    const timestamp = query.get('timestamp')!
    const right = /^\d{13}$/.test(timestamp) && Math.abs(Number(timestamp) - now) < hourMs && query.get('sign') === hmac(key, `${timestamp}\n${key}`)
    return right ? { errcode: 0, errmsg: 'ok' } : { errcode: 310000, errmsg: 'sign not match' }
  }
  const robot = async (url: string, overrides: object = {}): Promise<ChannelOf<'dingtalk'>> => channel('dingtalk', { token: await secret(token), secret: await secret(key), baseUrl: url, ...overrides })

  it('is sent signed markdown, with those to be called by name', async () => {
    const service = await receiver((received) => json(judge(received)))
    await createDingtalk(await robot(service.url), ports()).send(message({ phones: ['13800138000'] }), never)
    const [{ method, path, headers, body }] = service.received as [Received]
    expect([method, path, headers['content-type']]).toEqual(['POST', '/robot/send', 'application/json; charset=utf-8'])
    const sent = JSON.parse(body)
    expect(sent).toMatchObject({ msgtype: 'markdown', at: { atMobiles: ['13800138000'], isAtAll: false }, markdown: { title: '【特急】烟雾报警' } })
    expect(sent.markdown.text).toBe('【特急】烟雾报警\n\n地点：hall\n\n设备：一层烟感\n\n开始：11-25 14:03\n\n状态：新警情\n\n下一步：请到现场查看，并在网关页面上应答。\n\n来自：江岸社区服务站\n\n@13800138000')
  })
  it('takes the whole address as the chat shows it for its token', async () => {
    const service = await receiver((received) => json(judge(received)))
    await createDingtalk(await robot(service.url, { token: await secret(`${service.url}/robot/send?access_token=${token}`), baseUrl: undefined }), ports()).send(message(), never)
    expect(service.received).toHaveLength(1)
  })
  it('is not sent what residents write as links, pictures or mentions', async () => {
    const service = await receiver((received) => json(judge(received)))
    await createDingtalk(await robot(service.url), ports()).send(message({ notices: [notice({ note: '![x](http://evil) **now** # <@all>\n\n# head' })] }), never)
    const { text } = JSON.parse(service.received[0]!.body).markdown as { text: string }
    expect(text).toContain('！［x］(http://evil) ＊＊now＊＊ ＃ ＜@all＞ ＃ head')
    expect(text).not.toMatch(/[[\]*#<>!`]/)
  })
  it.each([
    [310000, 'NOTIFY_SIGNATURE', false], [130101, 'NOTIFY_RATE_LIMITED', true], [-1, 'NOTIFY_BUSY', true], [410100, 'NOTIFY_RATE_LIMITED', true], [300005, 'NOTIFY_LOGIN', false], [300001, 'NOTIFY_LOGIN', false], [400013, 'NOTIFY_LOGIN', false], [400102, 'NOTIFY_LOGIN', false], [400106, 'NOTIFY_LOGIN', false], [34016, 'NOTIFY_REFUSED', false], [430101, 'NOTIFY_REFUSED', false], [98765, 'NOTIFY_REFUSED', false],
  ])('that says %i inside an HTTP 200 is %s', async (errcode, code, retriable) => {
    const service = await receiver(() => json({ errcode, errmsg: `no ${token} ${key}\r\n` }))
    const error = await createDingtalk(await robot(service.url), ports()).send(message({ phones: ['13800138000'] }), never).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code, retriable, values: { peerCode: errcode } })
    const told = `${String(error)} ${JSON.stringify(error)}`
    for (const hidden of [token, key, 'access_token', '13800138000']) expect(told).not.toContain(hidden)
  })
  it('whose clock is hours from ours is signed by its own', async () => {
    const clock = new FakeClock(Date.now() - 5 * hourMs)
    const service = await receiver((received) => json(judge(received)))
    const sender = createDingtalk(await robot(service.url), ports({ clock }))
    await expect(sender.send(message(), never)).rejects.toMatchObject({ code: 'NOTIFY_CLOCK', retriable: true })
    await sender.send(message(), never)
    expect(judge(service.received[1]!)).toEqual({ errcode: 0, errmsg: 'ok' })
  })
  it('with a wrong secret is told so once, whatever the time', async () => {
    const service = await receiver((received) => json(judge(received)))
    const sender = createDingtalk(await robot(service.url, { secret: await secret('SEC-other') }), ports())
    await expect(sender.send(message(), never)).rejects.toMatchObject({ code: 'NOTIFY_SIGNATURE', retriable: false })
  })
})

describe('a Feishu robot', () => {
  const judge = ({ path, body }: Received): object => {
    const { timestamp, sign } = JSON.parse(body) as { timestamp: string; sign: string }
    if (path !== `/open-apis/bot/v2/hook/${token}`) return { code: 19001, msg: 'param invalid: incoming webhook access token invalid' }
    return /^\d{10}$/.test(timestamp) && Math.abs(Number(timestamp) * 1_000 - Date.now()) < hourMs && sign === hmac(`${timestamp}\n${key}`, '') ? { code: 0, msg: 'success', data: {} } : { code: 19021, msg: 'sign match fail or timestamp is not within one hour from current time' }
  }
  const robot = async (url: string, overrides: object = {}): Promise<ChannelOf<'feishu'>> => channel('feishu', { token: await secret(token), secret: await secret(key), baseUrl: url, ...overrides })

  it('is sent signed text', async () => {
    const service = await receiver((received) => json(judge(received)))
    await createFeishu(await robot(service.url, { language: 'en' }), ports()).send(message(), never)
    const sent = JSON.parse(service.received[0]!.body)
    expect(sent.msg_type).toBe('text')
    expect(sent.content.text).toBe('[critical] smoke\nPlace: hall\nDevice: smoke sensor, floor 1\nSince: 11-25 14:03\nState: new alert\nNext: Look at it on site, and acknowledge it on the gateway’s page.\nFrom: Jiangan service point')
  })
  it('without a signature is sent none', async () => {
    const service = await receiver(() => json({ code: 0 }))
    await createFeishu(await robot(service.url, { secret: undefined }), ports()).send(message(), never)
    expect(Object.keys(JSON.parse(service.received[0]!.body))).toEqual(['msg_type', 'content'])
  })
  it.each([
    [19021, 200, 'NOTIFY_SIGNATURE', false], [19024, 200, 'NOTIFY_KEYWORD', false], [19022, 200, 'NOTIFY_KEYWORD', false], [11232, 200, 'NOTIFY_RATE_LIMITED', true], [11247, 200, 'NOTIFY_RATE_LIMITED', true], [99991400, 400, 'NOTIFY_RATE_LIMITED', true], [9499, 200, 'NOTIFY_BUSY', true], [9499, 400, 'NOTIFY_BUSY', true], [19002, 200, 'NOTIFY_REFUSED', false], [11310, 200, 'NOTIFY_REFUSED', false], [19001, 400, 'NOTIFY_LOGIN', false], [19001, 200, 'NOTIFY_LOGIN', false],
  ])('that says %i with HTTP %i is %s', async (code, status, expected, retriable) => {
    const service = await receiver(() => ({ status, ...json({ code, msg: token }) }))
    const error = await createFeishu(await robot(service.url), ports()).send(message(), never).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: expected, retriable })
    expect(String(error)).not.toContain(token)
  })
})

it('an address that a Feishu robot does not take is no fault of the message', async () => {
  const answers = async (code: number): Promise<unknown> => {
    const service = await receiver(() => json({ code, msg: 'no' }))
    return createFeishu(channel('feishu', { token: await secret(token), baseUrl: service.url }), ports()).send(message(), never).catch((thrown: unknown) => thrown)
  }
  expect(await answers(19022)).toMatchObject({ code: 'NOTIFY_KEYWORD', content: false, message: expect.stringContaining('certain addresses') })
  expect(await answers(19024)).toMatchObject({ code: 'NOTIFY_KEYWORD', content: true })
})

describe('a WeCom robot', () => {
  const robot = async (url: string, overrides: object = {}): Promise<ChannelOf<'wecom'>> => channel('wecom', { token: await secret(`https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=${token}`), baseUrl: url, ...overrides })

  it('is sent text with its key alone, and the numbers of those to be called', async () => {
    const service = await receiver(() => json({ errcode: 0, errmsg: 'ok' }))
    await createWecom(await robot(service.url), ports()).send(message({ phones: ['13800138000'] }), never)
    const [{ path, query, body }] = service.received as [Received]
    expect([path, [...query]]).toEqual(['/cgi-bin/webhook/send', [['key', token]]])
    expect(JSON.parse(body)).toMatchObject({ msgtype: 'text', text: { mentioned_mobile_list: ['13800138000'] } })
  })
  it('is never sent more than the 2,048 bytes it takes, in two languages', async () => {
    const service = await receiver(() => json({ errcode: 0 }))
    const long = '很长的题目'.repeat(300)
    await createWecom(await robot(service.url, { language: 'both' }), ports()).send(message({ notices: [notice({ title: { zh: long, en: 'long title '.repeat(400) } })] }), never)
    const { content } = JSON.parse(service.received[0]!.body).text as { content: string }
    expect(Buffer.byteLength(content)).toBeLessThanOrEqual(2_048)
    expect(content).toContain('很长的题目')
    expect(content).toContain('long title')
  })
  it.each([[45009, 'NOTIFY_RATE_LIMITED', true], [45033, 'NOTIFY_RATE_LIMITED', true], [93000, 'NOTIFY_LOGIN', false], [93004, 'NOTIFY_LOGIN', false], [93008, 'NOTIFY_LOGIN', false], [-1, 'NOTIFY_BUSY', true], [44004, 'NOTIFY_REFUSED', false], [40058, 'NOTIFY_REFUSED', false], [40008, 'NOTIFY_REFUSED', false]])('that says %i is %s', async (errcode, code, retriable) => {
    const service = await receiver(() => json({ errcode, errmsg: `invalid webhook url key=${token}, hint: [1], more info` }))
    const error = await createWecom(await robot(service.url), ports()).send(message(), never).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code, retriable })
    expect(`${String(error)}${JSON.stringify(error)}`).not.toContain(token)
  })
})

describe('whatever stands at a robot’s address', () => {
  const send = async (url: string): Promise<unknown> => createWecom(channel('wecom', { token: await secret(token), baseUrl: url, timeout: '300ms' }), ports()).send(message(), never).then(() => 'sent', (thrown: unknown) => thrown)
  it.each<[string, Parameters<typeof receiver>[0], object]>([
    ['a login page', () => ({ body: '<html>login</html>' }), { code: 'NOTIFY_ANSWER', retriable: true }],
    ['bytes that are no UTF-8', () => ({ body: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]) }), { code: 'NOTIFY_ANSWER', retriable: true }],
    ['JSON without the code', () => json({ ok: true }), { code: 'NOTIFY_ANSWER', retriable: true }],
    ['a code that is a text', () => json({ errcode: '0' }), { code: 'NOTIFY_ANSWER', retriable: true }],
    ['an endless answer', () => (response) => { const more = (): void => { if (!response.destroyed) response.write('x'.repeat(65_536), more) }; more() }, { code: 'NOTIFY_ANSWER', retriable: true }],
    ['a slow answer', () => (response) => { response.writeHead(200); response.write('{"errcode"') }, { code: 'NOTIFY_TIMEOUT', retriable: true }],
    ['no answer', () => () => {}, { code: 'NOTIFY_TIMEOUT', retriable: true }],
    ['a connection that is cut', () => (response) => { response.destroy() }, { code: 'NOTIFY_UNREACHABLE', retriable: true }],
    ['an answer that is cut', () => (response) => { response.writeHead(200, { 'content-length': '100' }); response.write('{'); setImmediate(() => response.destroy()) }, { code: 'NOTIFY_UNREACHABLE', retriable: true }],
    ['a service that is down', () => ({ status: 503, headers: { 'retry-after': '7' } }), { code: 'NOTIFY_BUSY', retriable: true, retryAfterMs: 7_000 }],
    ['too many requests', () => ({ status: 429 }), { code: 'NOTIFY_RATE_LIMITED', retriable: true, retryAfterMs: 60_000 }],
    ['a missing page', () => ({ status: 404 }), { code: 'NOTIFY_REFUSED', retriable: false }],
  ])('%s is told as what it is', async (_, answer, expected) => {
    const service = await receiver(answer)
    const error = await send(service.url)
    expect(error).toMatchObject(expected)
    expect(String(error)).not.toContain(token)
  })
  it('a redirect is not followed', async () => {
    const other = await receiver(() => json({ errcode: 0 }))
    const service = await receiver(() => ({ status: 307, headers: { location: `${other.url}/x` } }))
    expect(await send(service.url)).toMatchObject({ code: 'NOTIFY_REDIRECT', retriable: false })
    expect(other.received).toEqual([])
  })
  it('nobody there is told as that', async () => {
    const service = await receiver()
    await service.stop()
    const error = await send(service.url)
    expect(error).toMatchObject({ code: 'NOTIFY_UNREACHABLE', retriable: true, values: { cause: 'ECONNREFUSED' } })
    expect(String(error)).not.toContain(token)
  })
})
