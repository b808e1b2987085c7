import type { GatewayStatus } from '../status.ts'
import { found, type CheckFinding } from './findings.ts'

const hourMs = 3_600_000
const shown = (count: number): string => count.toLocaleString('en-US')

/** What the running gateway says of itself. Pure. */
export function checkStatus(status: GatewayStatus): readonly CheckFinding[] {
  return [...devices(status), ...store(status), ...city(status), ...alarms(status)]
}

/** Never there since the start, and logged in as itself: what the installer still has to type. */
const login = ['在设备里填：服务器为本机地址和本地 MQTT 端口，用户名和密码如站点文件中它的条目（用户名一般就是设备 id）。', 'In the device: this box as its server with the port of the local broker, user name (mostly the device’s id) and password as its entry in the site file says.'] as const
const line = ['看这条线路的接线、供电和地址；linli probe 可直接试。', 'Look at its wiring, power and address; linli probe tries it directly.'] as const

function devices({ connections, devices: each }: GatewayStatus): readonly CheckFinding[] {
  const down = connections.filter(({ state }) => state !== 'online')
  return [
    ...down.map(({ id, state, lastError, lastErrorDetail }) => found(lastError ?? 'DOCTOR_CONNECTION_WAITS', lastError ? 'fault' : 'notice', 'devices', `connection ${id}`, lastError ? ['这条线路没有连上。', 'This line is not connected.'] : ['正在连接。', 'It is connecting.'], line, lastErrorDetail ?? state)),
    ...connections.flatMap(({ id, findings }) => findings.map(({ code, deviceId, text }) => found(code, 'warning', 'devices', deviceId ?? `connection ${id}`, ['线路统计显示有问题。', 'The counters of the line show trouble.'], ['按说明中的办法处理；代码见 docs/errors.md。', 'Do what the detail says; docs/errors.md has the code.'], text))),
    ...each.filter(({ state }) => state !== 'online' && state !== 'unknown').map(({ id, state, reason, detail }) => found(reason ?? 'DEVICE_OFFLINE', state === 'offline' ? 'fault' : 'warning', 'devices', id, state === 'offline' ? ['设备离线。', 'The device is offline.'] : ['设备有问题。', 'The device has trouble.'], reason === 'MQTT_NOT_CONNECTED' && !detail ? login : line, detail)),
    ...each.filter(({ state, id }) => state === 'unknown' && down.length === 0 && id !== '').map(({ id }) => found('POINT_UNSEEN', 'notice', 'devices', id, ['启动后还没有收到它的消息。', 'Nothing was heard from it since the start.'], ['刚启动时请等几分钟；之后检查它的供电、账号和地址。', 'Wait some minutes after a start; then check its power, account and address.'])),
  ]
}

function store({ journal, history, eventLog, alerts }: GatewayStatus): readonly CheckFinding[] {
  const disk = ['看磁盘和内核记录（dmesg）；必要时备份后更换。', 'Look at the disk and the kernel’s log (dmesg); make a backup and replace it if need be.'] as const
  const trouble = (each: { readonly lost: number; readonly damaged: number; readonly paused: boolean }): string => [each.lost > 0 ? `${shown(each.lost)} lost` : '', each.damaged > 0 ? `${shown(each.damaged)} damaged` : '', each.paused ? 'paused' : ''].filter(Boolean).join(', ')
  return [
    ...(alerts.some(({ key }) => key === 'gateway/store/failing') ? [found('DOCTOR_STORE_FAILING', 'fault', 'store', 'journal', ['磁盘无法写入，数据暂存内存。', 'The disk cannot be written; data waits in memory.'], disk)] : []),
    ...(journal.fill > 0.8 ? [found('DOCTOR_STORE_FILLING', journal.fill > 0.95 ? 'fault' : 'warning', 'store', 'journal', [`待传数据已占 ${Math.round(journal.fill * 100)}%，满了会丢弃最旧的并申报。`, `What waits fills ${Math.round(journal.fill * 100)} % of the journal; when full, the oldest goes, declared.`], ['恢复与平台的连接，或调大 journal.maxBytes。', 'Bring back the link to the platform, or raise journal.maxBytes.'])] : []),
    ...(journal.quarantined > 0 ? [found('DOCTOR_STORE_DAMAGED', 'warning', 'store', 'journal', [`${journal.quarantined} 条记录损坏，已隔离。`, `${journal.quarantined} damaged records were set aside.`], disk)] : []),
    ...(journal.fsyncMsP99 > 500 ? [found('DOCTOR_DISK_SLOW', 'warning', 'store', 'journal', [`写盘很慢：百次中最慢的要 ${Math.round(journal.fsyncMsP99)} 毫秒。`, `The disk is slow: one write in a hundred takes ${Math.round(journal.fsyncMsP99)} ms or more.`], ['换工业级存储卡或固态硬盘；停掉占用磁盘的程序。', 'Take an industrial card or an SSD; stop what keeps the disk busy.'])] : []),
    ...(history && trouble(history) ? [found('DOCTOR_HISTORY_TROUBLE', 'warning', 'store', 'history', ['历史数据有缺失或损坏。', 'The history has lost or damaged parts.'], disk, trouble(history))] : []),
    ...(trouble(eventLog) ? [found('DOCTOR_EVENTS_TROUBLE', 'warning', 'store', 'events', ['事件记录有缺失或损坏。', 'The event log has lost or damaged parts.'], disk, trouble(eventLog))] : []),
  ]
}

function city({ uplinks, journal, now }: GatewayStatus): readonly CheckFinding[] {
  const login = ['核对地址、账号、密码和证书；把代码告诉平台方。', 'Check address, account, password and certificate; tell the platform the code.'] as const
  return [
    ...uplinks.filter(({ state }) => state !== 'online').map(({ id, state, lastError, lastErrorDetail }) => found(lastError ?? 'DOCTOR_UPLINK_WAITS', lastError ? 'fault' : 'notice', 'city', `uplink ${id}`, ['没有登录到平台。数据都存在网关里，连上后自动补传。', 'It is not logged in at the platform. Everything is kept and sent later.'], login, lastErrorDetail ?? state)),
    ...uplinks.flatMap(({ id, state, backlog, certificate }) => {
      const oldest = Math.min(...Object.values(backlog).flatMap(({ oldestAt }) => oldestAt ?? []))
      const waiting = Object.values(backlog).reduce((sum, { records }) => sum + records, 0)
      return [
        ...(state === 'online' && now - oldest > hourMs ? [found('DOCTOR_BACKLOG', 'warning', 'city', `uplink ${id}`, [`已连上，但有 ${shown(waiting)} 条在等，最早的超过一小时。`, `It is connected, and yet ${shown(waiting)} records wait, the oldest for more than an hour.`], ['看线路带宽和平台的确认速度；linli status 显示进度。', 'Look at the line’s bandwidth and how fast the platform confirms; linli status shows the pace.'])] : []),
        ...(certificate?.renewal?.lastError ? [found(certificate.renewal.lastError, 'warning', 'certificates', `uplink ${id}`, ['证书自动更新失败。', 'The certificate could not be renewed.'], ['核对 uplinks 的 renew；或手工 linli enrol --renew。', 'Check renew of the uplink, or run linli enrol --renew.'])] : []),
      ]
    }),
    ...(journal.deadLetters > 0 ? [found('DOCTOR_DEAD_LETTERS', 'warning', 'city', 'dead letters', [`平台拒收了 ${shown(journal.deadLetters)} 条记录。`, `The platform refused ${shown(journal.deadLetters)} records.`], ['linli dead-letters 显示原因；解决后重新发送。', 'linli dead-letters tells why; send them again when that is mended.'])] : []),
  ]
}

function alarms({ rules, channels }: GatewayStatus): readonly CheckFinding[] {
  return [
    ...rules.quarantined.map(({ id, code, detail }) => found(code, 'fault', 'alarms', `rule ${id}`, ['这条规则出错，已停用到下次启动。', 'This rule failed and is set aside until the next start.'], ['linli rules explain 看原因；改正后重启。', 'See linli rules explain; correct it and start again.'], detail)),
    ...channels.filter(({ state }) => state === 'failing').map(({ id, lastError, lastErrorDetail }) => found(lastError ?? 'DOCTOR_CHANNEL_FAILING', 'fault', 'alarms', `channel ${id}`, ['消息发不出去。', 'Messages do not get through.'], ['linli notify test 试发一条，按错误处理。', 'Try linli notify test and do what its error says.'], lastErrorDetail)),
  ]
}
