import { createHmac } from 'node:crypto'
import { render } from './message.ts'
import { NotifyError } from './notify-error.ts'
import { hostOf, postToRobot, tokenOf, whoIs, type Meaning } from './robot.ts'
import type { ChannelOf } from './schema.ts'
import type { Sender, SenderPorts } from './sender.ts'

/**
 * open.dingtalk.com/document/orgapp/custom-robots-send-group-messages (its table of codes): -1 busy; 310000 for a wrong signature or time, a
 * missing keyword and a foreign address alike; 400013 the group is gone, 400101 no such token, 400102 robot off, 400106 robot not in the group;
 * 410100 too fast; 400105 kind of message, 430101–430104 contents that are not allowed. …/robots/custom-robot-access: 20 messages a minute,
 * beyond which a robot is shut out for ten minutes; what it says then is 130101, "send too fast, exceed 20 times per minute".
 * Global codes (…/orgapp/global-error-codes): 34016 too long, 40014 no such token. An unknown token is in fact answered with 300005,
 * "token is not exist", in earlier years 300001. See the README for what stands on whose word.
 */
const codes: Readonly<Record<number, Meaning>> = {
  [-1]: 'busy', 130101: 'rate', 410100: 'rate', 310000: 'signature', 300005: 'login', 300001: 'login', 400013: 'login', 400101: 'login', 400102: 'login', 400106: 'login', 40014: 'login', 400105: 'content', 430101: 'content', 430102: 'content', 430103: 'content', 430104: 'content', 34016: 'content',
}
/** The text of a markdown message: 5,000 characters (34016). */
const maxBytes = 4_500
const aroundAnHourMs = 55 * 60_000

/** base64(HMAC-SHA256(secret, `timestamp\nsecret`)), timestamp in ms. */
export const dingtalkSign = (secret: string, timestamp: number): string => createHmac('sha256', secret).update(`${timestamp}\n${secret}`).digest('base64')

export function createDingtalk(config: ChannelOf<'dingtalk'>, { clock, around, readSecret }: SenderPorts): Sender {
  // How far the service's clock is from ours, where ours was found to be wrong (law 10).
  let offsetMs = 0
  return {
    async send(message, signal) {
      const secret = config.secret && await readSecret(config.secret)
      const first = whoIs(config.id, hostOf(config.baseUrl ?? 'https://oapi.dingtalk.com'))
      const { token, base } = tokenOf(first, await readSecret(config.token), 'access_token', { baseUrl: config.baseUrl, vendor: 'https://oapi.dingtalk.com' })
      const timestamp = Math.round(clock.now() + offsetMs)
      const query = new URLSearchParams({ access_token: token, ...(secret ? { timestamp: `${timestamp}`, sign: dingtalkSign(secret, timestamp) } : {}) })
      const { title, text } = render(message, around, config.language, maxBytes)
      // A number is only called when the text holds it too.
      const calls = message.phones.map((phone) => `@${phone}`).join(' ')
      const body = { msgtype: 'markdown', markdown: { title, text: `${markdown(text)}${calls ? `\n\n${calls}` : ''}` }, at: { atMobiles: message.phones, isAtAll: false } }
      try {
        await postToRobot({ config, who: whoIs(config.id, hostOf(base)), url: `${base}/robot/send?${query}`, body, codes, field: ['errcode', 'errmsg'], secrets: [token, ...(secret ? [secret] : []), ...message.phones], clock, signal })
      } catch (error) {
        throw offsetMs === 0 && secret ? withPeersClock(error, clock.now(), (found) => { offsetMs = found }) : error
      }
    },
  }
}

/** A signature refused while the service's own clock says an hour more or less: it is signed by that clock next time. */
export function withPeersClock(error: unknown, now: number, found: (offsetMs: number) => void): unknown {
  if (!(error instanceof NotifyError) || error.code !== 'NOTIFY_SIGNATURE') return error
  const offsetMs = Number(error.values.date) - now
  if (!(Math.abs(offsetMs) > aroundAnHourMs)) return error
  found(offsetMs)
  return new NotifyError('NOTIFY_CLOCK', `${error.message}. The service's clock is ${Math.round(offsetMs / 60_000)} min from ours; it is signed by that one from now on`, { retriable: true, values: error.values })
}

/** Markdown signs as their full-width forms: what residents write makes no links, pictures or headings. A line break needs an empty line. */
const signs: Readonly<Record<string, string>> = { '[': '［', ']': '］', '*': '＊', _: '＿', '`': '｀', '#': '＃', '~': '～', '|': '｜', '\\': '＼', '!': '！' }
const markdown = (text: string): string => text.replaceAll(/[[\]*_`#~|\\!]/g, (sign) => signs[sign]!).replaceAll(/\n+/g, '\n\n')
