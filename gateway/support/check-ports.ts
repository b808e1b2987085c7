import { access, constants, readdir, readFile, readlink, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { codeOf } from '../kit/index.ts'
import { found, type CheckFinding } from './findings.ts'

/** A device file that a connection needs. `held`: the gateway that is asked has it open itself. */
export interface PortNeed { readonly connection: string; readonly kind: 'serial' | 'gpio'; readonly path: string; readonly held: boolean }

export async function checkPort(need: PortNeed): Promise<readonly CheckFinding[]> {
  const { connection, kind, held } = need
  const where = `connection ${connection}: ${need.path}`
  const file = await realpath(need.path).catch(() => null)
  if (file === null) {
    return [found('DOCTOR_PORT_MISSING', 'fault', 'devices', where, kind === 'serial' ? ['串口不存在。', 'The serial port is not there.'] : ['没有 GPIO 芯片。', 'There is no GPIO chip.'], kind === 'serial' ? ['插好串口转换器；核对站点文件里的 path。', 'Plug in the adapter, and compare the path in the site file.'] : ['核对机器型号和内核；linli probe gpio list 列出现有芯片。', 'Is it the right machine and kernel? linli probe gpio list shows its chips.'], await others(kind))]
  }
  const refused = await access(file, constants.R_OK | constants.W_OK).then(() => null, codeOf)
  if (refused) {
    const group = await groupOf(file)
    return [found('DOCTOR_PORT_PERMISSION', 'fault', 'devices', where, ['网关没有权限打开它。', 'The gateway may not open it.'], [`把网关的用户加入组 ${group ?? 'dialout'}（usermod -aG），然后重启网关。`, `Put the gateway's user into the group ${group ?? 'dialout'} (usermod -aG) and start it again.`], refused)]
  }
  const holders = held ? [] : await holdersOf(file)
  return holders.map((holder) => found('DOCTOR_PORT_BUSY', 'fault', 'devices', where, [`另一个程序占用着它：${holder}。`, `Another program has it open: ${holder}.`], ['停掉那个程序，再启动网关。', 'Stop that program, then start the gateway again.']))
}

async function others(kind: PortNeed['kind']): Promise<string | undefined> {
  const folder = kind === 'serial' ? '/dev/serial/by-id' : '/dev'
  const names = (await readdir(folder).catch((): string[] => [])).filter((name) => kind === 'serial' || name.startsWith('gpiochip')).slice(0, 20)
  return names.length > 0 ? `there are ${names.map((name) => path.join(folder, name)).join(', ')}` : undefined
}

async function groupOf(file: string): Promise<string | null> {
  const { gid } = await stat(file)
  const groups = await readFile('/etc/group', 'utf8').catch(() => '')
  return groups.split('\n').map((line) => line.split(':')).find((fields) => fields[2] === String(gid))?.[0] ?? null
}

const maxProcesses = 4_000

/** Programs other than this one that have the file open, as far as this user may look. */
async function holdersOf(file: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc').catch((): string[] => [])).filter((name) => /^\d+$/.test(name) && name !== String(process.pid)).slice(0, maxProcesses)
  const found_: string[] = []
  for (const pid of pids) {
    const handles = await readdir(`/proc/${pid}/fd`).catch((): string[] => [])
    const targets = await Promise.all(handles.slice(0, 1_000).map((handle) => readlink(`/proc/${pid}/fd/${handle}`).catch(() => '')))
    if (targets.includes(file)) found_.push(`${(await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?')).trim()} (${pid})`)
  }
  return found_
}
