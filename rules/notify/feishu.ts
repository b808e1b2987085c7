import { createHmac } from 'node:crypto'
import { withPeersClock } from './dingtalk.ts'
import { render } from './message.ts'
import { hostOf, postToRobot, tokenOf, whoIs, type Meaning } from './robot.ts'
import type { ChannelOf } from './schema.ts'
import type { Sender, SenderPorts } from './sender.ts'

/**
 * open.feishu.cn/document/client-docs/bot-v3/add-custom-bot: 100 a minute and 5 a second; 11232 when the system is pressed, mostly at full
 * and half hours; 19021 signature or clock, 19022 address, 19024 keyword; body at most 20 KB; 9499 for a bad body. But 9499 is told for "too
 * many request" too, with HTTP 400, so it may work later. …/server-docs/api-call-guide/generic-error-code: 11233 and 11247 creating messages
 * too fast, 1500 internal, try later; …/frequency-control: 99991400 too many calls. 19001 unknown token and 19002 a body without its kind are
 * not in these pages, only in what the service answers.
 */
const codes: Readonly<Record<number, Meaning>> = { 11232: 'rate', 11233: 'rate', 11247: 'rate', 99991400: 'rate', 9499: 'busy', 1500: 'busy', 19021: 'signature', 19022: 'address', 19024: 'keyword', 19001: 'login', 19002: 'content' }
const maxBytes = 8_000

/** base64(HMAC-SHA256(`timestamp\nsecret`, '')), timestamp in s: what is signed is the key. */
export const feishuSign = (secret: string, timestamp: number): string => createHmac('sha256', `${timestamp}\n${secret}`).digest('base64')

/** Its robots know no telephone numbers: nobody is called by name. */
export function createFeishu(config: ChannelOf<'feishu'>, { clock, around, readSecret }: SenderPorts): Sender {
  let offsetMs = 0
  return {
    async send(message, signal) {
      const secret = config.secret && await readSecret(config.secret)
      const first = whoIs(config.id, hostOf(config.baseUrl ?? 'https://open.feishu.cn'))
      const { token, base } = tokenOf(first, await readSecret(config.token), null, { baseUrl: config.baseUrl, vendor: 'https://open.feishu.cn' })
      const timestamp = Math.floor((clock.now() + offsetMs) / 1_000)
      const { text } = render(message, around, config.language, maxBytes)
      const body = { ...(secret ? { timestamp: `${timestamp}`, sign: feishuSign(secret, timestamp) } : {}), msg_type: 'text', content: { text } }
      try {
        await postToRobot({ config, who: whoIs(config.id, hostOf(base)), url: `${base}/open-apis/bot/v2/hook/${encodeURIComponent(token)}`, body, codes, field: ['code', 'msg'], secrets: [token, ...(secret ? [secret] : [])], clock, signal })
      } catch (error) {
        throw offsetMs === 0 && secret ? withPeersClock(error, clock.now(), (found) => { offsetMs = found }) : error
      }
    },
  }
}
