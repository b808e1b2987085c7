import { createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { channelSchema, type ChannelOf } from '../../../rules/notify/schema.ts'
import { createWebhook } from '../../../rules/notify/webhook.ts'
import { authority } from '../../support/certificates.ts'
import { receiver, type Received } from '../../support/receivers.ts'
import { channel, message, never, notice, ports, secret } from './support.ts'

const hook = (url: unknown, settings: object = {}): ChannelOf<'webhook'> => channel('webhook', { url, ...settings })
const send = (config: ChannelOf<'webhook'>, of = message()): Promise<unknown> => createWebhook(config, ports()).send(of, never).then(() => 'sent', (thrown: unknown) => thrown)

describe('a webhook', () => {
  it('is sent everything as JSON where no body is given', async () => {
    const service = await receiver()
    expect(await send(hook(`${service.url}/alerts?from=linli`), message({ notices: [notice({ mode: 'test' })] }))).toBe('sent')
    const [{ method, path, query, headers, body }] = service.received as [Received]
    expect([method, path, query.get('from'), headers['content-type']]).toEqual(['POST', '/alerts', 'linli', 'application/json; charset=utf-8'])
    expect(JSON.parse(body)).toMatchObject({ id: 'a1b2c3d4e5f60718', rule: 'smoke', title: '烟雾报警', severity: 1, word: '特急', state: 'raised', place: 'hall', device: '一层烟感', at: '2026-11-25T06:03:00.000Z', gateway: 'hall-1', count: 1, more: 0, test: true })
    expect(JSON.parse(body).text).toMatch(/^【测试】【特急】烟雾报警\n/)
  })
  it('fills in its template so that no value breaks out of it', async () => {
    const service = await receiver()
    const config = hook(service.url, { method: 'PUT', body: '{"t":"{title}","n":{severity},"all":{"x":"{text}"}}' })
    await fc.assert(fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 40 }), async (title) => {
      service.received.length = 0
      expect(await send(config, message({ notices: [notice({ title: { zh: `"},"n":4,${title}{title}\\`, en: '' } })] }))).toBe('sent')
      const sent = JSON.parse(service.received[0]!.body)
      expect(Object.keys(sent)).toEqual(['t', 'n', 'all'])
      expect(sent.n).toBe(1)
      expect(sent.t).toContain('{title}')
    }), { numRuns: 30 })
  })
  it('sends forms and plain text', async () => {
    const service = await receiver()
    await send(hook(service.url, { format: 'form', body: 'to=duty&msg={title}&p={place}' }), message({ notices: [notice({ title: { zh: '烟雾&msg=x 100%', en: '' } })] }))
    await send(hook(service.url, { format: 'text', body: '{word} {title}' }))
    expect(service.received.map(({ body }) => body)).toEqual(['to=duty&msg=%E7%83%9F%E9%9B%BE%26msg%3Dx%20100%25&p=hall', '特急 烟雾报警'])
    expect(new URLSearchParams(service.received[0]!.body).get('msg')).toBe('烟雾&msg=x 100%')
  })
  it('signs what it sends, and brings headers from secrets', async () => {
    const service = await receiver()
    await send(hook(service.url, { headers: { Authorization: await secret('Bearer b-77'), 'X-Site': 'hall' }, signature: { secret: await secret('k-1'), header: 'X-Sign' } }))
    const [{ headers, body }] = service.received as [Received]
    expect([headers.authorization, headers['x-site']]).toEqual(['Bearer b-77', 'hall'])
    const stamp = headers['x-linli-timestamp'] as string
    expect(Math.abs(Number(stamp) * 1_000 - Date.now())).toBeLessThan(60_000)
    expect(headers['x-sign']).toBe(`sha256=${createHmac('sha256', 'k-1').update(`${stamp}.${body}`).digest('hex')}`)
  })
  it('keeps a secret address out of every sentence', async () => {
    const service = await receiver(() => ({ status: 400 }))
    const error = await send(hook(await secret(`${service.url}/hooks/s3cr3t-path?k=s3cr3t-key`)))
    expect(service.received[0]!.path).toBe('/hooks/s3cr3t-path')
    expect(error).toMatchObject({ code: 'NOTIFY_REFUSED', retriable: false, content: true })
    await service.stop()
    const down = await send(hook(await secret(`${service.url}/hooks/s3cr3t-path?k=s3cr3t-key`)))
    const wrong = await send(hook(await secret('ht tp://s3cr3t')))
    expect([down, wrong]).toMatchObject([{ code: 'NOTIFY_UNREACHABLE' }, { code: 'NOTIFY_LOGIN' }])
    for (const each of [error, down, wrong]) expect(`${String(each)}${JSON.stringify(each)}${(each as Error).stack}`).not.toMatch(/s3cr3t|127\.0\.0\.1/)
  })
  it('refuses a secret that would add a header of its own', async () => {
    const service = await receiver()
    const error = await send(hook(service.url, { headers: { 'X-Token': await secret('a\r\nX-Evil: 1') } }))
    expect(error).toMatchObject({ code: 'NOTIFY_LOGIN', retriable: false })
    expect(service.received).toEqual([])
  })
  it('trusts an authority of one’s own when told, and nobody unknown', async () => {
    const ours = await authority()
    const { cert, key } = await ours.issue('server', '127.0.0.1')
    const service = await receiver(undefined, { tls: { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') } })
    expect(await send(hook(service.url, { ca: ours.ca }))).toBe('sent')
    expect(await send(hook(service.url))).toMatchObject({ code: 'NOTIFY_TLS', retriable: true })
    expect(await send(hook(service.url.replace('127.0.0.1', 'localhost'), { ca: ours.ca }))).toMatchObject({ code: 'NOTIFY_TLS' })
    expect(await send(hook(service.url, { ca: '/nowhere.pem' }))).toMatchObject({ code: 'NOTIFY_TLS', retriable: true })
    expect(service.received).toHaveLength(1)
  })
})

describe('the section channels', () => {
  const problems = (entry: object): string[] => channelSchema.safeParse({ id: 'duty', ...entry }).error?.issues.map(({ path, message: text }) => `${path.join('.')}: ${text}`) ?? []
  const env = { env: 'X' }
  it.each<[string, object, RegExp]>([
    ['a misspelt placeholder', { kind: 'webhook', url: 'https://x.cn/', body: '{"t":"{titel}"}' }, /^body: no placeholder \{titel\}; did you mean "title"\?$/],
    ['a template that is no JSON', { kind: 'webhook', url: 'https://x.cn/', body: '{"t":"{title}",}' }, /^body: is not JSON/],
    ['a user in the address', { kind: 'webhook', url: 'https://u:p@x.cn/' }, /^url/],
    ['a secret written out', { kind: 'dingtalk', token: 'abc' }, /^token/],
    ['a program without its path', { kind: 'command', command: ['say', '{text}'] }, /full path/],
    ['a placeholder as program', { kind: 'command', command: ['/bin/{title}'] }, /takes no placeholder/],
    ['a password in clear', { kind: 'email', host: 'm', security: 'none', username: 'u', password: env, from: 'a@b', to: ['c@d'] }, /not sent in clear/],
    ['a name without password', { kind: 'email', host: 'm', username: 'u', from: 'a@b', to: ['c@d'] }, /go together/],
    ['a header in an address', { kind: 'email', host: 'm', from: 'a@b\nBcc: x@y', to: ['c@d'] }, /^from/],
    ['a wildcard', { kind: 'mqtt', connection: 'broker', topic: 'a/#' }, /^topic/],
    ['too long an age', { kind: 'wecom', token: env, maxAge: '999h' }, /^maxAge/],
  ])('does not pass %s', (_, entry, expected) => {
    expect(problems(entry)).toEqual([expect.stringMatching(expected)])
  })
  it('fills in what is left out', () => {
    expect(channel('wecom', { token: env })).toEqual({ id: 'duty', kind: 'wecom', token: env, language: 'zh', minSeverity: 4, maxAge: 3_600_000, timeout: 10_000, perMinute: 18 })
  })
})
