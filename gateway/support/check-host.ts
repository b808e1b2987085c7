import { access, constants, readdir, readFile, statfs } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import type { EpochMs } from '../contract/index.ts'
import { codeOf } from '../kit/index.ts'
import { found, type CheckFinding } from './findings.ts'

/** Where the kernel's own files are; elsewhere in tests. */
export interface Host { readonly root: string }
export const thisHost: Host = { root: '/' }

const mb = 1e6
const shownMb = (bytes: number): string => `${Math.round(bytes / mb)} MB`
export const readHost = (host: Host, file: string): Promise<string | null> => readFile(path.join(host.root, file), 'utf8').catch(() => null)

/** Before this software was written no clock can be right. */
const earliest = Date.UTC(2026, 0, 1)

export function checkClock(now: EpochMs, synchronised: boolean, everSynced = synchronised): readonly CheckFinding[] {
  if (now < earliest) return [found('DOCTOR_CLOCK_WRONG', 'fault', 'clock', new Date(now).toISOString(), ['网关的时间明显不对。', 'The clock of the box is plainly wrong.'], ['检查 NTP 设置和时钟电池（timedatectl）。', 'Set up NTP and check the clock’s battery (timedatectl).'])]
  if (synchronised) return []
  return [found('DOCTOR_CLOCK_UNSYNCED', everSynced ? 'notice' : 'warning', 'clock', new Date(now).toISOString(), ['网关的时间没有与时间服务器同步。', 'No time server sets the clock of the box.'], ['安装 chrony 或启用 systemd-timesyncd，并让网关能访问时间服务器。', 'Install chrony or enable systemd-timesyncd, and let the box reach a time server.'])]
}

/** Room, inodes, writability and wear of the disk that holds `folder`. */
export async function checkDisk(folder: string, host: Host = thisHost): Promise<readonly CheckFinding[]> {
  const there = await nearest(folder)
  const out: CheckFinding[] = []
  const figures = await statfs(there).catch(() => null)
  if (figures && figures.blocks > 0) {
    const [free, share] = [figures.bavail * figures.bsize, figures.bavail / figures.blocks]
    const severity = free < 200 * mb || share < 0.02 ? 'fault' : share < 0.1 && free < 2_000 * mb ? 'warning' : null
    if (severity) out.push(found('DOCTOR_DISK_FULL', severity, 'disk', there, [`磁盘只剩 ${shownMb(free)}（${Math.round(share * 100)}%）。`, `Only ${shownMb(free)} of the disk are left (${Math.round(share * 100)} %).`], ['删除不用的文件；或调小站点文件里的 journal、history、events、photos 的 maxBytes。', 'Delete what is not needed, or lower maxBytes of journal, history, events and photos in the site file.']))
    if (figures.files > 0 && figures.ffree / figures.files < 0.02) out.push(found('DOCTOR_DISK_INODES', 'warning', 'disk', there, ['磁盘能存的文件数快用完了。', 'The disk has hardly any inodes left.'], ['删除大量小文件（df -i 可看）。', 'Delete folders of many small files (df -i shows them).']))
  }
  const refused = await access(there, constants.W_OK | constants.R_OK).then(() => null, codeOf)
  if (refused === 'EROFS') out.push(found('DOCTOR_DISK_READ_ONLY', 'fault', 'disk', there, ['磁盘变成了只读。', 'The disk is read-only.'], ['看内核记录（dmesg）里的磁盘错误；备份后更换存储卡或硬盘。', 'Look for disk errors (dmesg); make a backup and replace the card or disk.']))
  else if (refused) out.push(found('DOCTOR_STORE_OWNER', 'fault', 'disk', there, ['数据目录不能读写。', 'The store’s folder cannot be read and written.'], ['用网关的用户运行，或把目录改为归它所有（chown）。', 'Run this as the gateway’s user, or give it the folder (chown).'], refused))
  return [...out, ...await checkWear(host)]
}

/** The folder itself, or the nearest above it that is there. */
async function nearest(folder: string): Promise<string> {
  for (let at = path.resolve(folder); ; at = path.dirname(at)) if (at === path.dirname(at) || await access(at).then(() => true, () => false)) return at
}

/** eMMC tells in steps of a tenth how much of its life is used; 0x0b is beyond. JEDEC 84-B51 DEVICE_LIFE_TIME_EST. */
async function checkWear(host: Host): Promise<readonly CheckFinding[]> {
  const disks = await readdir(path.join(host.root, 'sys/block')).catch((): string[] => [])
  const found_ = await Promise.all(disks.filter((name) => name.startsWith('mmcblk')).map(async (name) => {
    const steps = ((await readHost(host, `sys/block/${name}/device/life_time`)) ?? '').match(/0x[0-9a-f]+/gi)?.map(Number) ?? []
    const worst = Math.max(0, ...steps)
    return worst < 9 ? [] : [found('DOCTOR_DISK_WORN', worst >= 11 ? 'fault' : 'warning', 'disk', name, [`存储芯片的寿命已用 ${Math.min(100, worst * 10)}%。`, `The flash has used ${Math.min(100, worst * 10)} % of its life.`], ['备份，并安排更换。', 'Make a backup and plan its replacement.'])]
  }))
  return found_.flat()
}

export interface MachineFacts { readonly memoryTotal: number | null; readonly memoryAvailable: number | null; readonly load15: number | null; readonly celsius: number | null }

export async function machineFacts(host: Host = thisHost): Promise<MachineFacts> {
  const memory = await readHost(host, 'proc/meminfo') ?? ''
  const kilobytes = (name: string): number | null => { const [, text] = new RegExp(`^${name}:\\s+(\\d{1,15}) kB`, 'm').exec(memory) ?? []; return text === undefined ? null : Number(text) * 1_024 }
  const load = Number((await readHost(host, 'proc/loadavg') ?? '').split(' ')[2] || NaN)
  const zones = await readdir(path.join(host.root, 'sys/class/thermal')).catch((): string[] => [])
  const heats = await Promise.all(zones.filter((name) => name.startsWith('thermal_zone')).slice(0, 20).map(async (name) => Number(await readHost(host, `sys/class/thermal/${name}/temp`) || NaN) / 1_000))
  const sane = heats.filter((heat) => heat > 0 && heat < 200)
  return { memoryTotal: kilobytes('MemTotal'), memoryAvailable: kilobytes('MemAvailable'), load15: Number.isFinite(load) ? load : null, celsius: sane.length > 0 ? Math.max(...sane) : null }
}

export async function checkMachine(host: Host = thisHost, cores = availableParallelism()): Promise<readonly CheckFinding[]> {
  const { memoryTotal, memoryAvailable, load15, celsius } = await machineFacts(host)
  return [
    ...(memoryAvailable !== null && memoryTotal !== null && (memoryAvailable < 64 * mb || memoryAvailable < memoryTotal * 0.05) ? [found('DOCTOR_MEMORY_LOW', 'warning', 'machine', shownMb(memoryAvailable), [`内存只剩 ${shownMb(memoryAvailable)}。`, `Only ${shownMb(memoryAvailable)} of memory are left.`], ['看哪个程序占用最多（top），停掉不需要的。', 'See which program takes most (top), and stop what is not needed.'])] : []),
    ...(load15 !== null && load15 > cores * 2 ? [found('DOCTOR_LOAD_HIGH', 'warning', 'machine', `${load15}`, ['机器长时间太忙。', 'The machine has been too busy for a quarter of an hour.'], ['看哪个程序占用最多（top）。', 'See which program takes most (top).'])] : []),
    ...(celsius !== null && celsius >= 80 ? [found('DOCTOR_TOO_HOT', celsius >= 95 ? 'fault' : 'warning', 'machine', `${Math.round(celsius)} °C`, [`处理器 ${Math.round(celsius)} °C，太热。`, `The processor is at ${Math.round(celsius)} °C.`], ['改善机柜通风，清理灰尘。', 'Let air into the cupboard; clean out dust.'])] : []),
  ]
}
