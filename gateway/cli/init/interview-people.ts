import type { Answers } from '../../../firmware-config/init/answers.ts'
import { one, say, secret, some, text, yes, type Choice, type Conversation } from '../ask/question.ts'
import type { Box } from './box.ts'
import * as judge from './judges.ts'

type Duty = Answers['duty'][number]
const wholeWeek = 'mon-sun 00:00-24:00'

export function* askPeople(): Conversation<Pick<Answers, 'people' | 'duty'>> {
  const people: Answers['people'][number][] = []
  while (yield* yes(people.length === 0 ? { zh: '登记值班人员（姓名只留在本机）', en: 'Name people on duty (names stay on the box)' } : { zh: '再加一个人', en: 'Another person' }, false)) {
    const zh = yield* text({ zh: '称呼，例如 王师傅', en: 'How they are called in Chinese, such as 王师傅' }, judge.given)
    const en = yield* text({ zh: '英文或拼音（回车则同上）', en: 'In English (Enter: the same)' }, judge.nothingWrong, { otherwise: zh })
    const ids = people.map((person) => person.id)
    const id = yield* text({ zh: '编号（小写字母，消息里只出现它）', en: 'Their id (a-z; only this is in messages)' }, judge.freeId(ids), judge.suggestion(en.split(' ').at(-1)!, ids))
    const role = yield* one({ zh: '角色', en: 'Role' }, [
      { value: 'property', label: { zh: '物业', en: 'property' } }, { value: 'community', label: { zh: '社区', en: 'community' } }, { value: 'committee', label: { zh: '居委会', en: "residents' committee" } }, { value: 'grid', label: { zh: '网格员', en: 'grid worker' } }, { value: '', label: { zh: '不说', en: 'not said' } },
    ])
    people.push({ id, name: { zh, en }, ...(role === '' ? {} : { role }) })
  }
  return { people, duty: people.length === 0 ? [] : yield* askDuty(people) }
}

function* askDuty(people: Answers['people']): Conversation<Duty[]> {
  const duty: Duty[] = []
  const options = people.map(({ id: value, name }): Choice => ({ value, label: name }))
  for (;;) {
    const when = yield* one(duty.length === 0 ? { zh: '什么时候有人值班', en: 'When is somebody on duty' } : { zh: '还有别的班次吗', en: 'Any other shift' }, [
      ...(duty.length > 0 ? [{ value: 'done', label: { zh: '没有了', en: 'no more' } }] : []),
      { value: wholeWeek, label: { zh: '全天', en: 'day and night' } }, { value: 'mon-fri 08:00-20:00', label: { zh: '工作日 8:00-20:00', en: 'weekdays 08:00-20:00' } }, { value: 'mon-sun 20:00-08:00', label: { zh: '每晚 20:00-8:00', en: 'every night 20:00-08:00' } },
      { value: 'other', label: { zh: '别的时间', en: 'other hours' } },
      ...(duty.length === 0 ? [{ value: 'done', label: { zh: '以后再排', en: 'later' } }] : []),
    ])
    if (when === 'done') return duty
    const hours = when === 'other' ? judge.hoursOf(yield* text({ zh: '时间，例如 mon-fri 08:00-20:00, sat-sun 09:00-17:00', en: 'Hours, such as mon-fri 08:00-20:00, sat-sun 09:00-17:00' }, judge.dutyHours)) : [when]
    const who = people.length === 1 ? [people[0]!.id] : yield* some({ zh: '谁', en: 'Who' }, options)
    if (who.length > 0) duty.push({ when: hours, people: [...who] })
    else yield* say({ zh: '没有选人，这一班不记', en: 'nobody was chosen; this shift is left out' })
  }
}

/** Below the site file's folder. */
const passwordFile = 'secrets/city.password'

export function* askPlatform(): Conversation<{ readonly platform: Pick<Answers, 'platform'>; readonly secrets: Readonly<Record<string, string>> }> {
  if (!(yield* yes({ zh: '现在填写城市平台吗（没有它本地功能照常）', en: 'Is there a city platform to connect to (the building works without)' }, false))) return { platform: {}, secrets: {} }
  const url = yield* text({ zh: '平台地址', en: 'Its address' }, judge.uplinkUrl, { initial: 'mqtts://' })
  const secure = url.startsWith('mqtts://')
  if (!secure) yield* say({ zh: 'mqtt:// 不加密，只用于试点内网', en: 'mqtt:// is not encrypted: for trials on a network of your own' })
  const pass = yield* one({ zh: '网关怎么登录平台', en: 'How does the gateway log in there' }, [
    ...(secure ? [{ value: 'certificate', label: { zh: '用证书（之后运行 linli enrol 领取）', en: 'with a certificate (linli enrol fetches it later)' } }] : []),
    { value: 'password', label: { zh: '用户名和密码', en: 'with a user name and password' } }, { value: 'none', label: { zh: '不需要', en: 'not at all' } },
  ])
  if (pass !== 'password') return { platform: { platform: { url, certificate: pass === 'certificate' } }, secrets: {} }
  const username = yield* text({ zh: '用户名', en: 'User name' }, judge.given)
  const password = yield* secret({ zh: '密码（不显示，存为 secrets/city.password）', en: 'Password (not shown; kept in secrets/city.password)' }, judge.given)
  return { platform: { platform: { url, certificate: false, username, password: { file: passwordFile } } }, secrets: { [passwordFile]: password } }
}

export function* askConsole({ addresses }: Box, brokerPort: number | undefined): Conversation<Pick<Answers, 'console'>> {
  const where = yield* one({ zh: '值班网页从哪里打开', en: 'From where is the page for staff opened' }, [
    { value: 'box', label: { zh: '本机浏览器', en: 'a browser on this box' } },
    { value: 'ca', label: { zh: '办公网络里的电脑，加密（证书由本机自己签发）', en: 'computers of the office, encrypted (the box makes its certificate)' } },
    { value: 'tls', label: { zh: '办公网络里的电脑，加密（用已有的证书文件）', en: 'computers of the office, encrypted (with certificate files of yours)' } },
    { value: 'plain', label: { zh: '办公网络里的电脑，不加密', en: 'computers of the office, not encrypted' }, hint: { zh: '密码可被同网窃听', en: 'passwords can be read on the way' } },
    { value: 'off', label: { zh: '不开', en: 'nowhere: off' } },
  ])
  if (where === 'off') return {}
  const host = where === 'box' ? '127.0.0.1' : yield* one({ zh: '哪个网络', en: 'On which network' }, [...addresses.map((value): Choice => ({ value, label: value })), { value: '0.0.0.0', label: { zh: '所有网络', en: 'all networks' } }])
  const port = Number(yield* text({ zh: '网页端口', en: 'Port of the page' }, judge.port(new Set(brokerPort === undefined ? [] : [brokerPort])), { otherwise: where === 'tls' || where === 'ca' ? '8443' : '8080' }))
  if (where === 'ca') return { console: { host, port, tls: 'site-ca' } }
  if (where !== 'tls') return { console: { host, port, ...(where === 'plain' ? { plainHttp: true } : {}) } }
  const cert = yield* text({ zh: '证书文件（PEM）', en: 'Certificate file (PEM)' }, judge.given, { initial: 'tls/console.pem' })
  const key = yield* text({ zh: '私钥文件（PEM）', en: 'Key file (PEM)' }, judge.given, { initial: 'tls/console.key' })
  return { console: { host, port, tls: { cert, key } } }
}
