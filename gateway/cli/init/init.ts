import path from 'node:path'
import { compose } from '../../../firmware-config/init/compose.ts'
import { render } from '../../../firmware-config/init/render.ts'
import { answersTemplate } from '../../../firmware-config/init/template.ts'
import type { Answers } from '../../../firmware-config/init/answers.ts'
import { SiteError } from '../../../firmware-config/site/index.ts'
import { ConfigError } from '../../kit/index.ts'
import { installed, isInstalled } from '../../kit/installed.ts'
import { hold, type Reply } from '../ask/question.ts'
import { languageOfTerminal, openTerminal, say, type Language } from '../ask/terminal.ts'
import { paint, print, printJson } from '../output.ts'
import { readSite, roomSchemas, type Site } from '../rooms.ts'
import { driversOf, readAnswers } from './answers-file.ts'
import { lookAtBox } from './box.ts'
import { interview } from './interview.ts'
import { exists, writeSite, type Written } from './write.ts'

export interface InitOptions { readonly answers?: string; readonly answersTemplate?: boolean; readonly force?: boolean; readonly json?: boolean }

/** `linli init`: a site file from what a person on site knows, asked for or from a file of answers. Nothing is written that `linli check` would refuse. */
export async function init(site: string, { answers, answersTemplate: template, force = false, json = false }: InitOptions): Promise<void> {
  if (template) return print(answersTemplate.trimEnd())
  // It stands in the file's comments and in what is to be typed next.
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(site)) throw new ConfigError('INIT_TARGET', `${JSON.stringify(site)} is no name for a site file; choose one without line breaks`)
  if (answers === undefined && json) throw new ConfigError('TERMINAL_NEEDED', 'with --json nobody is asked; give the answers with --answers FILE (linli init --answers-template shows one)')
  if (answers === undefined) return wizard(site, force)
  try {
    const given = await readAnswers(answers, site)
    if (!force && await exists(site)) throw new ConfigError('INIT_EXISTS', `${site} exists and is not overwritten; choose another name, or give --force: the old one is kept as ${site}.bak`)
    const done = await finish(site, given, {})
    if (json) return printJson({ ok: true, ...done.written, warnings: done.warnings, next: done.next.map(({ command }) => command) })
    tell(site, done, 'en')
  } catch (error) {
    if (!(error instanceof SiteError)) throw error
    process.exitCode = 1
    if (json) return printJson({ ok: false, problems: error.problems })
    const { length } = error.problems
    process.stderr.write(`${error.problems.map(({ text }) => text).join('\n')}\n${paint('red', `${length} problem${length === 1 ? '' : 's'}; nothing was written`, process.stderr)}\n`)
  }
}

async function wizard(site: string, force: boolean): Promise<void> {
  let language: Language = languageOfTerminal()
  const terminal = await openTerminal(() => language, `give the answers with --answers FILE; linli init --answers-template shows one`)
  const { clack } = terminal
  clack.intro(`linli init  ${site}`)
  const leave = (): void => { clack.cancel(say({ zh: '已退出，没有写任何文件', en: 'left; nothing was written' }, language)); process.exitCode = 130 }
  const box = await lookAtBox(path.dirname(path.resolve(site)))
  for (;;) {
    const chosen = await terminal.put({ kind: 'one', ask: '语言 / Language', options: [{ value: 'zh', label: '中文' }, { value: 'en', label: 'English' }], initial: language })
    if (typeof chosen === 'string') return leave()
    language = chosen.answer === 'en' ? 'en' : 'zh'
    if (!force && await exists(site)) {
      const over = await terminal.put({ kind: 'yes', ask: { zh: `${site} 已存在。写新的吗？旧的留作 ${site}.bak`, en: `${site} exists. Write a new one? The old one is kept as ${site}.bak` }, initial: false })
      if (over === 'back') continue
      if (over === 'leave' || over.answer !== true) return leave()
    }
    let last: Reply = 'back'
    const result = await hold(() => interview(box), async (question, before) => (last = await terminal.put(question, before)))
    // Back from the first question: the language once more.
    if (result === null && last === 'back') continue
    if (result === null) return leave()
    const done = await finish(site, result.answers, result.secrets)
    clack.outro(say({ zh: '完成', en: 'done' }, language))
    return tell(site, done, language)
  }
}

interface Finished { readonly written: Written; readonly warnings: readonly string[]; readonly next: readonly Next[] }

async function finish(site: string, answers: Answers, typed: Readonly<Record<string, string>>): Promise<Finished> {
  const drivers = await driversOf(site)
  const { site: plain, secrets } = compose(answers, (profile) => drivers.get(profile), isInstalled(site) ? installed.store : undefined)
  const text = render(plain, site)
  const checked = await readSite(site, { text })
  const { warnings, connections } = checked
  const forecasts = connections.flatMap((connection) => roomSchemas.drivers[connection.driver]?.foresee?.(connection) ?? []).map(({ message }) => message)
  return { written: await writeSite(site, text, { made: secrets, typed }), warnings: [...forecasts, ...warnings], next: nextSteps(site, checked) }
}

interface Next { readonly command: string; readonly zh: string; readonly en: string }

/** What to do now, in this order; a search for each line there is. */
function nextSteps(file: string, { connections, uplinks, console: page }: Site): readonly Next[] {
  const scans = connections.flatMap(({ driver, settings }) => {
    const { path: port, host } = settings as { readonly path?: string; readonly host?: string }
    return driver !== 'modbus' ? [] : port !== undefined ? [`linli scan rtu ${port} --save ${file}`] : host === undefined ? [] : [`linli scan tcp ${host} --save ${file}`]
  })
  return [
    { command: `linli check ${file}`, zh: '检查', en: 'every error, with line and column' },
    { command: `linli doctor ${file}`, zh: '体检', en: 'what may be wrong on this box' },
    ...scans.map((command) => ({ command, zh: '查找线路上的设备', en: 'what answers on the line' })),
    ...(uplinks.some(({ cert }) => cert !== undefined) ? [{ command: `linli enrol ${file}`, zh: '领取平台证书', en: "the platform's certificate" }] : []),
    isInstalled(file) ? { command: 'systemctl start linli', zh: '启动网关，以后随机自启', en: 'the gateway, from now on at every start of the box' } : { command: `linli run ${file}`, zh: '运行', en: 'the gateway, until Ctrl-C' },
    ...(page.enabled ? [{ command: `linli claim ${file}`, zh: '网页的首位管理员', en: 'the first admin of the page' }] : []),
    { command: `linli commission ${file}`, zh: '逐点验收，生成报告', en: 'point by point, to a signed report' },
  ]
}

function tell(site: string, { written: { backup, secrets }, warnings, next }: Finished, language: Language): void {
  const words = (zh: string, en: string): string => say({ zh, en }, language)
  print(`${paint('green', site)} ${words('已写好', 'is written')}${backup === null ? '' : words(`，旧文件在 ${backup}`, `; the old one is ${backup}`)}`)
  for (const file of secrets) print(`  ${file}  ${words('密码，只有网关用户可读', 'a password, for the gateway\'s user only')}`)
  for (const warning of warnings) print(paint('yellow', `${words('注意', 'note')}: ${warning}`))
  print(words('接下来：', 'next:'))
  const wide = Math.max(...next.map(({ command }) => command.length))
  for (const { command, zh, en } of next) print(`  ${command.padEnd(wide)}  ${words(zh, en)}`)
}
