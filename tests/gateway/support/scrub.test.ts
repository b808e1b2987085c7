import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createScrubber, isSecretName, spellings } from '../../../gateway/support/scrub.ts'

const { text, json } = createScrubber({ secrets: ['pa ss/wörd&1', 'x'], people: [{ id: 'wang', names: ['王师傅', 'Li'] }] })

describe('what a scrubber takes out', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['mqtts://user:p@ss:w/rd@broker.cn:8883/x', 'mqtts://[redacted]@broker.cn:8883/x'],
    ['http://host:8080/a@b stays an address', 'http://host:8080/a@b stays an address'],
    ['https://oapi.dingtalk.com/robot/send?access_token=abc&x=1', 'https://oapi.dingtalk.com/robot/send?access_token=[redacted]&x=1'],
    ['http://127.0.0.1:8080/#open=abc', 'http://127.0.0.1:8080/#open=[redacted]'],
    ['mqtt%3A%2F%2Fme%3Asecret%40host', 'mqtt%3A%2F%2F[redacted]%40host'],
    ['{"deviceToken":"abc","ok":1}', '{"deviceToken":"[redacted]","ok":1}'],
    ['密码：芝麻开门 好', '密码：[redacted] 好'],
    ['Authorization: Basic dXNlcjpwYXNz', 'Authorization: [redacted]'],
    ['sent with bearer abcdef123', 'sent with bearer [redacted]'],
    ['pin 4711 was wrong, GPIO pin 17 was not', 'pin [redacted] was wrong, GPIO pin 17 was not'],
    ['call 13812345678, +86 138-1234-5678 or 027-87654321 now', 'call [phone], [phone] or [phone] now'],
    ['at 1795653870262 of 1381234567890 bytes', 'at 1795653870262 of 1381234567890 bytes'],
    ['id 42010619800101123X', 'id [number]'],
    ['card no. 0012345678, 卡号 04A1B2C3 and board 1234567', 'card no. [number], 卡号 [number] and board 1234567'],
    ['mail li.si@example.cn', 'mail [mail]@example.cn'],
    ['code 7K2M-9QXA-C4TZ', 'code [code]'],
    ['session 3q2-7wAAbbCCddEEffGGhhIIjjKKllMMnnOOpp', 'session [token]'],
    ['-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----.', '[redacted].'],
    ['王师傅 and Li, not Linli', '[person wang] and [person wang], not Linli'],
    ['a pa ss/wörd&1 b pa%20ss%2Fw%C3%B6rd%261', 'a [secret] b [secret]'],
    // What support must be able to read.
    ['MODBUS_TIMEOUT 127.0.0.1:502 /dev/serial/by-id/usb-FTDI_FT232R_A10JZ2-if00-port0 epoch 00000001-0c11fd61', 'MODBUS_TIMEOUT 127.0.0.1:502 /dev/serial/by-id/usb-FTDI_FT232R_A10JZ2-if00-port0 epoch 00000001-0c11fd61'],
  ]
  for (const [before, after] of cases) it(`${JSON.stringify(before)}`, () => { expect(text(before)).toBe(after) })

  it('goes by the name that a value stands under, and leaves where a secret is kept', () => {
    expect(json({ password: 'abc', nested: { apiKey: 7, key: 'tls/console.key', keyboard: 'cn' }, token: { env: 'TOKEN' }, pins: { wang: 'x' }, note: '老王说的', reason: 'MODBUS_CRC' }))
      .toEqual({ password: '[redacted]', nested: { apiKey: '[redacted]', key: 'tls/console.key', keyboard: 'cn' }, token: { env: 'TOKEN' }, pins: { wang: '[redacted]' }, note: '[text, 4 characters]', reason: 'MODBUS_CRC' })
    expect(['password', 'MQTT_PASSWORD', 'clientSecret', 'api-key', 'phone'].every(isSecretName)).toBe(true)
    expect(['monkey', 'keyboard', 'tokens2', 'pinned', 'position'].some(isSecretName)).toBe(false)
  })
  it('finds a secret in every spelling and wherever it stands in base64', () => {
    fc.assert(fc.property(fc.string({ minLength: 6, maxLength: 24, unit: 'grapheme-ascii' }).filter((value) => value.trim().length >= 6), fc.string({ maxLength: 7 }), fc.string({ maxLength: 7 }), (secret, before, after) => {
      const scrubber = createScrubber({ secrets: [secret], people: [] }, new Set(['secrets']))
      const base64 = Buffer.concat([Buffer.from(before), Buffer.from(secret), Buffer.from(after)]).toString('base64')
      for (const form of [secret, JSON.stringify(secret), encodeURIComponent(secret), Buffer.from(secret).toString('hex'), base64, base64.replaceAll('+', '-').replaceAll('/', '_')]) {
        const left = scrubber.text(`before ${form} after`)
        expect(left).toContain('[secret]')
        for (const spelling of spellings(secret)) expect(left.replaceAll('[secret]', ' ')).not.toContain(spelling)
      }
    }), { numRuns: 100 })
  })
  it('takes anything, and never makes it longer than it can bear', () => {
    fc.assert(fc.property(fc.string({ maxLength: 300 }), (input) => { expect(typeof text(input)).toBe('string') }))
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 6 }), (input) => { expect(JSON.stringify(json(input))).toEqual(expect.any(String)) }))
    const began = performance.now()
    for (const piece of ['://', '1', 'a1', '@', 'password', 'card ', '%3A%2F%2F', '-----BEGIN PRIVATE KEY-----', 'A', '138 ', '+', 'token.', '://a:']) text(piece.repeat(Math.ceil(8_192 / piece.length)))
    expect(performance.now() - began).toBeLessThan(5_000)
  })
})
