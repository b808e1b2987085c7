import type { Label } from '../../contract/index.ts'

/** Of the page that finds devices. */
export const discoveryWords = {
  discovery: { zh: '发现设备', en: 'Find devices' },
  discoveryWhy: { zh: '在一条线路或几个地址上查找设备。只读，不改动任何设备。认出的设备先试读，与仪表显示核对，再保存。', en: 'Looks for devices on a line or at some addresses. It only reads and changes nothing. What it knows is read, compared with the display, and then saved.' },
  discoveryWhere: { zh: '在哪里找', en: 'Where to look' },
  discovery_rtu: { zh: '串口线路（RS-485）', en: 'Serial line (RS-485)' },
  discovery_tcp: { zh: '网络地址（Modbus TCP）', en: 'Network addresses (Modbus TCP)' },
  discovery_opcua: { zh: 'OPC UA 服务器', en: 'OPC UA server' },
  discoveryPort: { zh: '串口', en: 'Serial port' },
  discoveryNoPort: { zh: '没有找到串口', en: 'There is no serial port' },
  discoveryPortWhy: { zh: '网关正在使用的线路不能查找，以免打断读数。', en: 'A line that the gateway uses cannot be searched: its readings would be disturbed.' },
  discoveryRange: { zh: '地址，例如 192.168.1.20-60', en: 'Addresses, such as 192.168.1.20-60' },
  discoveryUrl: { zh: '服务器地址', en: 'Address of the server' },
  discoveryStart: { zh: '开始查找', en: 'Search' },
  discoveryRunning: { zh: '正在查找', en: 'Searching' },
  discoveryStopped: { zh: '已停止；以下是已找到的。', en: 'Stopped; this is what was found.' },
  discoveryTwins: { zh: '两台设备用了同一个站号', en: 'Two devices with one unit id' },
  discoveryTwinsWhy: { zh: '请拔下一台，把另一台的站号改掉，再查找一次。', en: 'Unplug one, change the id of the other, and search again.' },
  discoveryUnknown: { zh: '不认识的设备', en: 'Unknown device' },
  discoveryReasons: { zh: '依据（英文）', en: 'Why' },
  discoveryValues: { zh: '现在的值，请与仪表显示核对', en: 'Values now: compare with the display' },
  discoveryDecode: { zh: '这些值互相矛盾，可能是字序或倍率不对。先核对，再保存。', en: 'These values do not go together: word order or scale may be wrong. Compare before you save.' },
  discoveryRead: { zh: '试读', en: 'Read now' },
  discoveryReadAgain: { zh: '再读一次', en: 'Read again' },
  discoveryReading: { zh: '正在读……', en: 'Reading…' },
  discoveryLines: { zh: '站点文件将增加', en: 'The site file would get' },
  discoveryNothing: { zh: '没有可以增加的。', en: 'There is nothing to add.' },
  discoveryWrite: { zh: '写入站点文件', en: 'Write the site file' },
  discoveryReadOnly: { zh: '网关不能改动站点文件。请下载后由管理员替换。', en: 'The gateway may not change the site file. Download it and have it put in place.' },
  discoveryDownload: { zh: '下载新的站点文件', en: 'Download the new site file' },
  discoveryStop: { zh: '停止', en: 'Stop' },
} as const satisfies Readonly<Record<string, Label>>

const plural = (n: number, one: string, many: string): string => `${n} ${n === 1 ? one : many}`
const phrase = <Args extends readonly unknown[]>(zh: (...args: Args) => string, en: (...args: Args) => string) => ({ zh, en })

export const discoveryPhrases = {
  discoveryLeft: phrase((s: number, n: number) => `约剩 ${s} 秒，已找到 ${n} 台`, (s: number, n: number) => `about ${s} s left, ${n} found so far`),
  discoveryFound: phrase((n: number) => (n === 0 ? '没有设备回答。请检查供电、A/B 接线和地址。' : `找到 ${n} 台设备`), (n: number) => (n === 0 ? 'Nobody answers. Check power, A and B, and the address.' : `${plural(n, 'device', 'devices')} found`)),
  discoveryUsed: phrase((id: string) => `网关在用：${id}`, (id: string) => `in use: ${id}`),
  discoveryUnit: phrase((n: number) => `站号 ${n}`, (n: number) => `unit id ${n}`),
  discoveryScore: phrase((n: number) => `把握 ${n} / 100`, (n: number) => `score ${n} of 100`),
  discoveryLike: phrase((name: string, n: number) => `最像：${name}（${n} / 100），但不能确定，不会保存`, (name: string, n: number) => `Most like ${name} (${n} of 100), but not sure enough to be saved`),
  discoverySave: phrase((n: number) => `保存已试读的 ${n} 台`, (n: number) => `Save the ${plural(n, 'device', 'devices')} that were read`),
  discoverySaved: phrase((n: number) => `已写入 ${n} 台设备，网关下次启动后生效`, (n: number) => `${plural(n, 'device', 'devices')} written; in use from the gateway’s next start`),
} as const
