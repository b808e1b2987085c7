import type { Label } from '../../contract/index.ts'

/** Why something is not well, and what to do, in a clerk's words. docs/errors.md says the same to the installer. */
export interface Explanation { readonly why: Label; readonly next: Label }
const say = (zh: string, en: string, zhNext: string, enNext: string): Explanation => ({ why: { zh, en }, next: { zh: zhNext, en: enNext } })

const cable = ['看设备是否有电、网线或信号线是否插好；十分钟后还不行，请联系安装人员。', 'See that it has power and its cable is plugged in. If it is not back in ten minutes, call the installer.'] as const
const sensor = ['请联系安装人员检查或更换传感器。', 'Ask the installer to check or replace the sensor.'] as const
const setup = ['请联系安装人员核对设置。', 'Ask the installer to check its settings.'] as const
const wait = ['不用做什么，它会自己恢复；半小时后还不行，请联系安装人员。', 'Nothing: it comes back by itself. If not within half an hour, call the installer.'] as const

const codes: Readonly<Record<string, Explanation>> = {
  MODBUS_TIMEOUT: say('设备没有回答。', 'The device does not answer.', ...cable),
  MODBUS_CRC: say('线路有干扰，收到的数据不完整。', 'The line is disturbed: answers arrive damaged.', '请联系安装人员检查接线、终端电阻和屏蔽。', 'Ask the installer to check wiring, termination and shield.'),
  MODBUS_EXCEPTION: say('设备拒绝了这次读取。', 'The device refuses what it is asked.', ...setup),
  MODBUS_CONNECT_FAILED: say('连不上这条线路的转换器。', 'The line’s converter cannot be reached.', ...cable),
  MODBUS_GATEWAY_PATH: say('转换器找不到后面的设备。', 'The converter has no road to the device.', ...setup),
  MODBUS_GATEWAY_TARGET: say('转换器后面的设备没有回答。', 'The device behind the converter does not answer.', ...cable),
  MODBUS_FRAME: say('线路有干扰，收到的数据不完整。', 'The line is disturbed: answers make no sense.', '请联系安装人员检查接线、终端电阻和屏蔽。', 'Ask the installer to check wiring, termination and shield.'),
  MODBUS_PORT: say('网关的串口打不开。', 'The gateway’s serial port cannot be opened.', '看串口转换器是否插好。', 'See that the serial adapter is plugged in.'),
  MODBUS_DTU_ABSENT: say('无线模块还没有连上来。', 'The device’s modem has not dialled in.', ...cable),
  MODBUS_DEVICE_BUSY: say('设备正忙。', 'The device is busy.', ...wait),
  MODBUS_DEVICE_FAILURE: say('设备报告自身故障。', 'The device reports a failure of its own.', ...sensor),
  MODBUS_CLOSED: say('与线路的连接断了。', 'The connection to the line was closed.', ...cable),
  SCAN_OTHER_MASTER: say('线路上已有别的主机在说话。', 'Somebody else already speaks on this line.', '查找时请拔下另一台主机或显示屏。', 'Unplug the other master or display for the search.'),
  SCAN_LINE_IN_USE: say('网关正在使用这条线路。', 'The gateway uses this line.', '请选空闲的线路，或停下网关后用 linli scan。', 'Choose a free line, or stop the gateway and use linli scan.'),
  SCAN_RANGE: say('地址写得不对，或不在楼内网络。', 'The address is wrong, or not of the building’s network.', '请写 192.168.1.20-60 这样的地址。', 'Write it like 192.168.1.20-60.'),
  SCAN_RUNNING: say('已经在查找了。', 'A search is under way.', '请等它结束，或先停止。', 'Wait for its end, or stop it.'),
  SCAN_TARGET: say('这个串口或设备不在了。', 'This port or device is not there.', '请重新选择，再查找一次。', 'Choose again and search again.'),
  SCAN_NOT_READ: say('有设备还没有试读。', 'A device was not read yet.', '请先试读并核对。', 'Read it and compare first.'),
  SCAN_SAVE: say('站点文件没有改成。', 'The site file could not be changed.', '请再查看一次要增加的内容，或手工加入。', 'Look at the lines again, or add them by hand.'),
  MQTT_NOT_CONNECTED: say('设备没有连上网关。', 'The device is not connected to the gateway.', ...cable),
  MQTT_DISCONNECTED: say('设备断开了连接。', 'The device closed its connection.', ...cable),
  MQTT_SAID_OFFLINE: say('设备说自己已离线。', 'The device says that it is offline.', ...cable),
  MQTT_SILENT: say('设备很久没有发来消息。', 'The device has sent nothing for long.', ...cable),
  MQTT_NO_MESSAGE_YET: say('启动后还没有收到设备的消息。', 'Nothing was heard from it since the start.', ...wait),
  MQTT_CONNECT_FAILED: say('连不上楼内的消息服务器。', 'The broker in the building cannot be reached.', ...cable),
  MQTT_CREDENTIALS: say('设备的账号或密码不对。', 'The device’s account or password is wrong.', ...setup),
  MQTT_FLOODER: say('设备发送得太快。', 'The device sends faster than it may.', ...setup),
  MQTT_CLOCK: say('设备的时间不对。', 'The device’s clock is wrong.', ...setup),
  MQTT_WILL: say('设备突然断开了。', 'The device went away suddenly.', ...cable),
  DEVICE_OFFLINE: say('设备离线。', 'The device is offline.', ...cable),
  DEVICE_FLAPPING: say('设备时断时续。', 'The device comes and goes.', '请联系安装人员检查供电和接线。', 'Ask the installer to check its power and cable.'),
  POINT_UNSEEN: say('还没有收到过这个值。', 'This value was not heard yet.', '刚启动时请等几分钟。', 'Wait some minutes after a start.'),
  POINT_NO_VALUE: say('设备说它现在没有这个值。', 'The device says it has no value now.', ...sensor),
  POINT_SENTINEL: say('设备报告传感器故障。', 'The device reports that its sensor has failed.', ...sensor),
  POINT_NOT_FINITE: say('设备还没有测出结果。', 'The device has no measurement yet.', ...sensor),
  POINT_OUT_OF_RANGE: say('数值超出合理范围。', 'The value lies outside what is sensible.', '看现场是否真是如此；不是的话请联系安装人员。', 'Look whether it is really so; if not, ask the installer.'),
  POINT_TYPE: say('设备发来的数据类型不对。', 'The device sends another kind of value than expected.', ...setup),
  POINT_UNMAPPED_VALUE: say('设备发来了不认识的状态。', 'The device sends a state that is not known.', ...setup),
  POINT_PRECISION: say('数值太大，无法准确表示。', 'The number is too large to be exact.', ...setup),
  GPIO_LOST: say('输入输出板断开了。', 'The input and output board is gone.', ...cable),
  GPIO_FLOOD: say('信号线抖动得厉害。', 'The line flickers thousands of times a second.', '请联系安装人员检查接线和屏蔽。', 'Ask the installer to check wiring and shield.'),
  OPCUA_SILENT: say('服务器没有回答。', 'The server says nothing.', ...wait),
  OPCUA_TIMEOUT: say('服务器没有及时回答。', 'The server does not answer in time.', ...wait),
  OPCUA_BAD_NOT_CONNECTED: say('服务器连不上后面的设备。', 'The server does not reach the device behind it.', ...cable),
  OPCUA_BAD_DEVICE: say('服务器说设备或传感器坏了。', 'The server says the device or sensor has failed.', ...sensor),
  OPCUA_BAD_WAITING: say('服务器还没有第一个值。', 'The server has no first value yet.', ...wait),
  OPCUA_BAD_OUT_OF_SERVICE: say('设备停用中。', 'The device is out of service.', ...wait),
  OPCUA_UNCERTAIN: say('服务器对这个值没有把握。', 'The server is not sure of the value.', ...sensor),
  OPCUA_UNCERTAIN_OLD: say('这是断开前的旧值。', 'This is the last value before it was lost.', ...cable),
  DOOR_FORBIDDEN: say('没有人被允许这样操作这扇门。', 'Nobody is allowed to command this door so.', ...setup),
  DOOR_FIRE: say('火警期间不能锁门。', 'No door is locked while there is a fire alarm.', '先在消防主机上解除火警。', 'End the alarm at the fire panel first.'),
  POINT_NOT_WRITABLE: say('这个值不能改。', 'This value cannot be changed.', ...setup),
  POINT_VALUE: say('设备不接受这个值。', 'The device does not take this value.', '换一个值再试。', 'Try another value.'),
  ALERT_UNKNOWN: say('这个告警已经关闭一段时间了。', 'This alert was closed a while ago.', '刷新页面。', 'Load the page again.'),
  ALERT_STILL_ACTIVE: say('现象还在，暂不能结束。', 'Its cause is still there.', '先排除原因；可以先指派或暂缓。', 'Mend the cause first; assign or shelve it meanwhile.'),
  ALERT_NOT_ALLOWED: say('现在不能对这个告警做这件事。', 'That cannot be done with this alert now.', '看一看它的经过。', 'Look at what happened to it.'),
  ALERT_ACT_INVALID: say('内容不完整，没有改动。', 'Something is missing; nothing was changed.', '补全后再试。', 'Fill in what is missing.'),
  PHOTO_INVALID: say('这张照片打不开。', 'This photo cannot be opened.', '重新拍一张，或者不带照片提交。', 'Take it again, or go on without one.'),
  PHOTO_TOO_LARGE: say('照片太大。', 'The photo is too large.', '换一张小一点的。', 'Choose a smaller one.'),
  PHOTO_BUSY: say('正在处理的照片太多。', 'Too many photos at once.', '等半分钟再试。', 'Try again in half a minute.'),
  PHOTO_UNKNOWN: say('照片已过期删除。', 'The photo was kept no longer.', '需要的话再拍一张。', 'Take another if it is needed.'),
  PHOTO_STORE: say('照片存不下来。', 'The photo could not be kept.', '不带照片提交，并告诉维护人员磁盘可能已满。', 'Go on without one, and tell an installer that the disk may be full.'),
  HISTORY_OFF: say('网关没有保存历史。', 'This gateway keeps no history.', ...setup),
  MAINTENANCE_INVALID: say('检修没有开始。', 'Maintenance was not begun.', '选择设备并写明原因。', 'Choose a device and give a reason.'),
  CONSOLE_UNREACHABLE: say('连不上网关。', 'The gateway does not answer.', '看电脑的网线；稍后再试。', 'See that this computer’s cable is in; try again.'),
  CONSOLE_CREDENTIALS: say('账号、密码或口令不对。', 'Account, password or PIN is wrong.', '再试一次；忘记了请找管理员。', 'Try again; ask an administrator if it is forgotten.'),
  CONSOLE_CLAIM: say('认领码不对。', 'The code is wrong.', '对照网关上显示的再输一次；只有最新的一个有效。', 'Compare it with what the gateway shows; only the newest one counts.'),
  CONSOLE_CLAIM_USED: say('这个认领码已经用过了。', 'This code was used already.', '请用已建立的账号登录；需要时在网关上再取一个码。', 'Sign in with the account that was made; if need be, print a new code on the box.'),
  CONSOLE_CLAIM_EXPIRED: say('这个认领码已超过一小时，失效了。', 'This code is older than an hour.', '请安装人员在网关上再取一个。', 'Ask the installer for a new one from the box.'),
  CONSOLE_WAIT: say('试错太多次了。', 'Too many wrong tries.', '等一会儿再试；每错一次要等更久。', 'Wait a while; each wrong try makes the wait longer.'),
  CONSOLE_LOGIN: say('登录已过期。', 'You are no longer signed in.', '请重新登录。', 'Sign in again.'),
  CONSOLE_ROLE: say('您的账号不能做这件事。', 'Your account may not do this.', '请找管理员。', 'Ask an administrator.'),
  CONSOLE_ACCOUNT: say('账号不能这样添加或修改。', 'The account cannot be made or changed so.', '换一个名字；最后一个管理员不能删除。', 'Take another name; the last administrator stays.'),
  REPORT_BUSY: say('正在生成别的报表。', 'Other reports are being drawn up.', '等几秒再试。', 'Try again in some seconds.'),
  REPORT_MONTH: say('没有这个月份的报表。', 'There is no report of this month.', '请从列表里选一个月份。', 'Choose a month from the list.'),
  REPORT_SHIFT: say('没有这个班次。', 'There is no such shift.', '请选别的日期或班次。', 'Choose another day or shift.'),
  CONSOLE_BUSY: say('网关正忙。', 'The gateway is busy.', '等几秒再试。', 'Try again in some seconds.'),
  CONSOLE_RATE: say('操作太快了。', 'That was too fast.', '等几秒再试。', 'Try again in some seconds.'),
  CONSOLE_REQUEST: say('填写的内容不符合要求。', 'Something was not filled in as asked.', '看一看填写的内容。', 'Look at what was filled in.'),
  CONSOLE_UNKNOWN: say('已经没有这个了。', 'This is no longer there.', '刷新页面。', 'Load the page again.'),
}

/** What is known of a code; of a family where the code itself is not listed. */
export function explain(code: string): Explanation | undefined {
  if (codes[code]) return codes[code]
  if (/^(MODBUS|MQTT|OPCUA|GPIO)_.*(TIMEOUT|SILENT|UNREACHABLE|LOST|CLOSED|REFUSED|GONE)/.test(code)) return say('与设备的连接有问题。', 'The connection to the device has a problem.', ...cable)
  return /^(MODBUS|MQTT|OPCUA|GPIO|POINT)_/.test(code) ? say('设备的设置或线路有问题。', 'Something is wrong with its settings or its line.', ...setup) : undefined
}
export const explained = Object.keys(codes)
