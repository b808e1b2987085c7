import path from 'node:path'
import { X509Certificate } from 'node:crypto'
import { enrolOnline, type EnrolStep } from '../../cloud-sync/enrol/enrol.ts'
import { isSelfSigned, parseCertificates } from '../../cloud-sync/enrol/chain.ts'
import { authorities, unprovenAuthorities } from '../../cloud-sync/enrol/est.ts'
import { put, readText } from '../../cloud-sync/enrol/files.ts'
import type { Label } from '../contract/index.ts'
import { codeOf, ConfigError, describe, UplinkError } from '../kit/index.ts'
import { languageOfTerminal, openTerminal, say, type Terminal } from './ask/terminal.ts'
import type { Judge } from './ask/question.ts'
import { brokerIsNext, isDeaf, listensToNothing, proofText, prove, type Tried } from './enrol-try.ts'
import { paint, print, stopSignal } from './output.ts'

export interface Guided extends Tried {
  /** What was given on the command line is not asked for. */
  readonly options: { readonly token?: string; readonly ca?: string; readonly force?: boolean; readonly try?: boolean }
  /** What the site file should say now. */
  tell(authority: { readonly url: string; readonly ca?: string }): void
}

const steps: Readonly<Record<EnrolStep, Label>> = {
  authority: { zh: '发证服务已应答', en: 'the authority answers' },
  key: { zh: '密钥已在本机生成，不会离开本机', en: 'the key is made on this box and stays here' },
  answer: { zh: '申请已发出并收到答复', en: 'the request was sent and answered' },
  certificate: { zh: '证书已核对并存好', en: 'the certificate is checked and in place' },
}

const address: Judge = (value) => (value.startsWith('https://') && URL.canParse(value) && value.length > 'https://'.length ? null : { zh: '写成 https://主机:端口', en: 'write https://host:port of the authority' })
const notEmpty: Judge = (value) => (value.trim() === '' ? { zh: '请输入令牌', en: 'type the token' } : null)

/** `linli enrol` at a terminal, without options: asks what is missing, says each step, and ends with the broker's own answer. */
export async function guideEnrolment(file: string, { uplink, parts, socket, options, tell }: Guided): Promise<void> {
  const language = languageOfTerminal()
  const words = (zh: string, en: string): string => say({ zh, en }, language)
  const terminal = await openTerminal(() => language, 'give --url, --ca and --token')
  const { clack } = terminal
  const signal = stopSignal()
  clack.intro(words(`为 ${parts.gateway} 申请证书（${uplink.id}，${uplink.url}）`, `a certificate for ${parts.gateway} (uplink ${uplink.id}, ${uplink.url})`))
  const url = await ask(terminal, { kind: 'text', ask: { zh: '发证服务的地址', en: 'Address of the authority' }, initial: uplink.renew?.url ?? 'https://', judge: address })
  const ca = url === null ? null : await trusted(terminal, url, options.ca ?? uplink.renew?.ca, language, signal)
  if (url === null || ca === null) return left(terminal, language)
  const token = options.token === undefined ? await ask(terminal, { kind: 'secret', ask: { zh: '一次性令牌（不显示）', en: 'One-time token (not shown)' }, judge: notEmpty }) : (await readText(options.token))?.trim() ?? ''
  if (token === null) return left(terminal, language)
  let kept: string | undefined
  let inPlace = false
  const told = (): void => tell({ url, ...(kept === undefined ? {} : { ca: kept }) })
  try {
    const done = (step: EnrolStep): void => clack.log.success(say(steps[step], language))
    const enrolled = await enrolOnline({ ...parts, done, server: { url, ca: ca.pem, basic: { user: parts.gateway, token: token.trim() } }, force: options.force ?? false }, signal)
    inPlace = true
    if (ca.pem !== undefined) { kept = path.join(path.dirname(parts.files.cert), 'authority.pem'); await put(kept, ca.pem, 0o644) }
    if (options.try !== false) await prove({ uplink, parts, socket }, (proof) => clack.log.success(say(proofText(proof), language)), signal)
    if (options.try !== false && isDeaf({ uplink, parts, socket })) clack.log.info(say(listensToNothing, language))
    clack.outro(`${paint('green', words('已入网', 'enrolled'))}: ${enrolled.subject}, ${enrolled.issuer}, ${new Date(enrolled.notAfter).toISOString()}`)
    told()
    print(`${words('接下来', 'next')}: linli check ${file}; linli run ${file}`)
  } catch (error) {
    clack.cancel(`${codeOf(error)} ${describe(error)}`)
    if (inPlace) told()
    print(nextStep(inPlace, file, language))
    process.exitCode = 1
  }
}

/** undefined `pem`: the system trusts it. null: the person does not. */
async function trusted({ clack, put: show }: Terminal, url: string, given: string | undefined, language: 'zh' | 'en', signal: AbortSignal): Promise<{ readonly pem: string | undefined } | null> {
  if (given !== undefined) {
    const pem = await readText(path.resolve(given))
    if (pem === null) throw new ConfigError('ENROL_USAGE', `cannot read ${given}; check the path and its owner`)
    return { pem }
  }
  try {
    await authorities({ url }, signal)
    return { pem: undefined }
  } catch (error) { if (codeOf(error) !== 'ENROL_TLS') throw error }
  const roots = (await unprovenAuthorities(url, signal)).filter(isSelfSigned)
  if (roots.length === 0) throw new UplinkError('ENROL_TLS', `${url}: its certificate is not trusted and it names no root; get the authority's certificate from its people and give it with --ca FILE`)
  clack.log.warn(say({ zh: '本机还不认识这个发证服务。请与平台给你的指纹逐字核对（SHA-256）：', en: 'This box does not know the authority yet. Compare with the fingerprint that its people gave you (SHA-256):' }, language))
  for (const root of roots) clack.log.message(`${root.subject.replaceAll('\n', ', ')}\n${fingerprint(root)}`)
  const same = await show({ kind: 'yes', ask: { zh: '完全一致吗', en: 'Is it the same, all of it' }, initial: false })
  if (typeof same === 'string' || same.answer !== true) return null
  return { pem: parseCertificates(roots.map(String).join('')).map(String).join('') }
}

/** In four lines, as people compare it. */
const fingerprint = ({ fingerprint256 }: X509Certificate): string => fingerprint256.match(/.{1,24}/g)!.map((line) => line.replace(/:$/, '')).join('\n')

async function ask({ put: show }: Terminal, question: Parameters<Terminal['put']>[0]): Promise<string | null> {
  const reply = await show(question)
  return typeof reply === 'string' ? null : String(reply.answer ?? '').trim()
}

function left({ clack }: Terminal, language: 'zh' | 'en'): void {
  clack.cancel(say({ zh: '已退出，什么也没有发出', en: 'left; nothing was asked of the authority' }, language))
  process.exitCode = 130
}

/** By what has happened already. */
function nextStep(inPlace: boolean, file: string, language: 'zh' | 'en'): string {
  return say(inPlace
    ? brokerIsNext(`linli enrol ${file} --try`)
    : { zh: `改好后再运行 linli enrol ${file}；没有网络时用 --csr 和 --import`, en: `when that is mended run linli enrol ${file} again; without network: --csr, then --import` }, language)
}
