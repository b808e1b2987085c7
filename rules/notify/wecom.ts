import { render } from './message.ts'
import { hostOf, postToRobot, tokenOf, whoIs, type Meaning } from './robot.ts'
import type { ChannelOf } from './schema.ts'
import type { Sender, SenderPorts } from './sender.ts'

/**
 * developer.work.weixin.qq.com/document/path/91770 (now 99110): 20 messages a minute, a text of at most 2,048 bytes; global codes of
 * document/path/90313: -1 busy, try again, three times at most; 45009 too many calls, 45033 too many at once; 93000 no such key, or taken out
 * of the group, 93004 robot off, 93008 not in the group; 40008 kind of message, 40058 a parameter, 44004 no text, 45002 too long.
 */
const codes: Readonly<Record<number, Meaning>> = { [-1]: 'busy', 45009: 'rate', 45033: 'rate', 93000: 'login', 93004: 'login', 93008: 'login', 40008: 'content', 40058: 'content', 44004: 'content', 45002: 'content' }
const maxBytes = 2_000

/** No signature: the key is the pass. */
export function createWecom(config: ChannelOf<'wecom'>, { clock, around, readSecret }: SenderPorts): Sender {
  return {
    async send(message, signal) {
      const first = whoIs(config.id, hostOf(config.baseUrl ?? 'https://qyapi.weixin.qq.com'))
      const { token, base } = tokenOf(first, await readSecret(config.token), 'key', { baseUrl: config.baseUrl, vendor: 'https://qyapi.weixin.qq.com' })
      const { text } = render(message, around, config.language, maxBytes)
      const body = { msgtype: 'text', text: { content: text, mentioned_mobile_list: message.phones } }
      await postToRobot({ config, who: whoIs(config.id, hostOf(base)), url: `${base}/cgi-bin/webhook/send?${new URLSearchParams({ key: token })}`, body, codes, field: ['errcode', 'errmsg'], secrets: [token, ...message.phones], clock, signal })
    },
  }
}
