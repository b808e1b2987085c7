import { readdir, readFile } from 'node:fs/promises'
import { childEnvironment } from './tools.ts'

/**
 * Children of the driver carry a mark in their environment, so that whoever comes after a crash knows them as ours and lets nobody else's go.
 */
const mark = 'LINLI_GPIO'
const self = (): Promise<string> => startOf(process.pid).then((start) => `${process.pid}:${start ?? 0}`)

export interface Marked { readonly pid: number; readonly role: string; readonly owner: string }

/** The environment of a child. `role` is what it does for whom, such as `pins` or a spool file. */
export async function markedEnvironment(role: string): Promise<Record<string, string>> {
  return { ...childEnvironment, [mark]: `${await self()} ${role}` }
}

/** All marked processes of this machine that we may look into: a kernel thread or another user's is none of ours. */
export async function markedProcesses(): Promise<readonly Marked[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => pid !== process.pid)
  const found = await Promise.all(pids.map(async (pid) => {
    const text = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '')
    const value = text.split('\0').find((each) => each.startsWith(`${mark}=`))?.slice(mark.length + 1)
    const [owner, ...role] = value?.split(' ') ?? []
    return owner && role.length > 0 ? [{ pid, owner, role: role.join(' ') }] : []
  }))
  return found.flat()
}

/**
 * Ends what an earlier life of this role left behind: its gateway is dead, or it was this very process, which opens a role only once at a
 * time. Returns how many; the kernel frees their lines at once.
 */
export async function endLeftovers(role: string): Promise<number> {
  const me = await self()
  let ended = 0
  for (const { pid, owner, role: theirs } of await markedProcesses()) {
    if (theirs !== role || !(owner === me || await isDead(owner))) continue
    try { process.kill(pid, 'SIGKILL'); ended++ } catch { /* it has just ended by itself */ }
  }
  return ended
}

export async function isDead(owner: string): Promise<boolean> {
  const [pid, start] = owner.split(':')
  return await startOf(Number(pid)) !== start
}

/** A process's start in clock ticks since boot, which with its id names it for ever: proc(5), field 22 of stat. */
async function startOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19]
}
