import { Document, Scalar, visit } from 'yaml'
import { currentVersion } from '../site/migrations/index.ts'
import type { PlainObject, Plain } from '../site/plain.ts'

/** What a block is, for who opens the file a year later; and how to write it where there is none yet. */
interface Block { readonly key: string; readonly what: readonly string[]; readonly example?: readonly string[] }

const blocks = (file: string): readonly Block[] => [
  { key: 'site', what: ['Who this gateway is. It stands in every topic and event: change the id only before the first day.', '本网关的身份，出现在每条消息里；启用后不要再改 id。'] },
  { key: 'store', what: ['Journal, history, keys and control socket; relative to this file.', '数据目录，相对于本文件。'] },
  { key: 'console', what: [`The page for staff. Its first admin: linli claim ${file}`, `值班网页；首位管理员：linli claim ${file}`], example: ['console: { enabled: true }   # http://127.0.0.1:8080 on the box itself; beyond it: listen, tls: site-ca'] },
  { key: 'places', what: ['What staff call the rooms that devices, doors and alerts name.', '房间名称，设备和报警用它说明位置。'], example: ['places: { hall: { zh: 办事大厅, en: service hall } }'] },
  { key: 'connections', what: ['Lines, brokers and pins: one entry a bus, socket or chip. Name serial ports by /dev/serial/by-id/…, which survives a reboot.', '总线、MQTT 和引脚；串口请用 /dev/serial/by-id/…，重启后不变。'] },
  { key: 'devices', what: [`What hangs on them. The library: linli profiles. What answers on a line: linli scan rtu PORT --save ${file}`, `挂接的设备；设备库：linli profiles，查找：linli scan rtu PORT --save ${file}`] },
  { key: 'rules', what: ['When something is wrong. Kinds and examples: rules/README.md. Try them first: linli rules test, linli rules backtest', '报警规则；先用 linli rules test 试。'], example: ['rules: [{ id: hall-hot, kind: threshold, point: hall-env.temperature, above: 30, hysteresis: 1, for: 5m, severity: 3, title: { zh: 大厅过热, en: hall too hot } }]'] },
  { key: 'doors', what: ['A door is a contact, and where there are: a lock and a reader. Nobody may command a lock unless commands says who.', '门：门磁、锁、读卡器；未写明的人不能开锁。'] },
  { key: 'people', what: ['Who is told, and who may be named as the one who acted. Names stay on the box.', '人员名单；姓名只留在本机。'], example: ['people: [{ id: wang, name: { zh: 王师傅, en: Master Wang }, role: property }]'] },
  { key: 'shifts', what: ['Who is on duty when, in the time zone of the site.', '值班表。'] },
  { key: 'sounders', what: ['What is heard for 特急 and 紧急, with no internet and no browser open. Quiet: linli alerts silence', '声响输出：断网也响；静音：linli alerts silence'] },
  { key: 'channels', what: ['Ways to people beside the page: DingTalk, WeCom, Feishu, mail, webhook, MQTT. Try one: linli notify test', '钉钉、企业微信、飞书、邮件等通知；测试：linli notify test'], example: ['channels: [{ id: group, kind: wecom, token: { file: secrets/group.token } }]', 'escalation: [{ id: grave, severities: [1, 2], steps: [{ channels: [group] }] }]'] },
  { key: 'residents', what: ["The residents' page behind printed codes. Off until it is turned on here; then: linli qr", '居民扫码页，默认关闭；打开后用 linli qr 打印二维码。'], example: ['residents: { page: { enabled: true, listen: { host: 192.168.1.10, port: 8081 }, url: "http://192.168.1.10:8081" } }'] },
  { key: 'uplinks', what: [`The city platform. Without it everything in the building works. Its certificate: linli enrol ${file}`, `城市平台；没有它本地功能照常。证书：linli enrol ${file}`], example: ['uplinks: [{ id: city, url: "mqtts://platform.example:8883" }]'] },
]

/** The site file: every value of `site` in it, and words for who comes after. `file` is how the commands in it call it. Parsed again it is `site`. */
export function render(site: PlainObject, file: string): string {
  const head = [
    '# Linli site file, written by linli init. Change it by hand as you like; 站点文件，可手工修改。 Then 然后：',
    `#   linli check ${file}    every error with line and column 检查`,
    `#   linli run ${file}      the gateway, until Ctrl-C 运行`,
    `linli: ${currentVersion}`,
  ]
  return `${[head, ...blocks(file).map((block) => rendered(block, site[block.key]))].map((lines) => lines.join('\n')).join('\n\n')}\n`
}

function rendered({ key, what, example }: Block, value: Plain | undefined): readonly string[] {
  const comment = what.map((line) => `# ${line}`)
  if (value === undefined) return example ? [...comment, ...example.map((line) => `# ${line}`)] : [...comment, `# (none yet 暂无)`]
  if (Array.isArray(value)) return value.length === 0 ? [...comment, `${key}: []`] : [...comment, `${key}:`, ...value.map((item) => `  - ${flow(item)}`)]
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 1) return [...comment, `${key}: ${flow(value)}`]
  return [...comment, `${key}:`, ...Object.entries(value).map(([name, item]) => `  ${flow(name)}: ${flow(item)}${beside(key, name)}`)]
}

const remarks: Readonly<Record<string, string>> = {
  'site.region': 'GB/T 2260', 'site.grid': 'every event carries it 每条事件都带上',
  'console.plainHttp': 'anybody on that network can read passwords 密码可被同网窃听',
}
const beside = (key: string, name: string): string => { const remark = remarks[`${key}.${name}`]; return remark === undefined ? '' : `   # ${remark}` }

/** On one line, whatever it is: a text with line breaks gets \\n. */
function flow(value: Plain): string {
  const document = new Document([value], { aliasDuplicateObjects: false })
  visit(document, { Collection: (_, node) => { node.flow = true }, Scalar: (_, node) => { if (typeof node.value === 'string' && /[\r\n]/.test(node.value)) node.type = Scalar.QUOTE_DOUBLE } })
  return document.toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Infinity }).trim().slice(2, -2)
}
