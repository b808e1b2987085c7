import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect } from 'vitest'
import { CutDisk, parseRecording, type FileSystem, type Operation } from './cut-disk.ts'
import { reading } from './points.ts'
import { tempFolder } from './resources.ts'
import { seed, seededRandom } from './seed.ts'
import { nothingWrong, numbered, openStore, StoreCity, type Produced } from './store-city.ts'

/** Clean ends, a death in mid-commit, and a life with enough to fill LevelDB's buffer and make it merge; as power-cut-child.ts takes them. */
const processes = [['1', '12:200', '6:3000', 'die'], ['101', '10:100', '8:100'], ['201', '110:45000'], ['401', '5:50']] as const
const ended = 12 + 6 + 10 + 8 + 110 + 5
/** What may be acknowledged at the last: a disk may be quick enough to take the commit in which one dies. */
export const acknowledged: readonly number[] = [ended, ended + 1]

/** What these processes did to one journal's folder, one after the other. */
export async function record(): Promise<readonly Operation[]> {
  const folder = await tempFolder()
  const recorder = path.join(folder, 'recorder.so')
  execFileSync('gcc', ['-O1', '-shared', '-fPIC', '-o', recorder, path.join(import.meta.dirname, 'disk-recorder.c'), '-ldl', '-lpthread'], { stdio: ['ignore', 'ignore', 'inherit'] })
  const [root, log] = [path.join(folder, 'journal'), path.join(folder, 'recording')]
  await mkdir(root)
  for (const lives of processes) {
    const env = { ...process.env, LD_PRELOAD: recorder, RECORD_ROOT: root, RECORD_LOG: log }
    const { status, signal, stderr } = spawnSync(process.execPath, [path.join(import.meta.dirname, 'power-cut-child.ts'), root, ...lives], { env, encoding: 'utf8' })
    if (lives.at(-1) === 'die' ? signal !== 'SIGKILL' : status !== 0) throw new Error(`the recorded process ended with ${status ?? signal}:\n${stderr}`)
  }
  const operations = parseRecording(await readFile(log))
  await expectWhole(operations, root)
  return operations
}

/** What was recorded makes the files that are there: nothing was written past the recorder. */
async function expectWhole(operations: readonly Operation[], root: string): Promise<void> {
  const disk = new CutDisk('journalled')
  for (const operation of operations) disk.apply(operation)
  const files = (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile() && !/^(LOG.*|LOCK|reserve)$/.test(entry.name)).map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
  expect(files.length).toBeGreaterThan(5)
  for (const file of files) expect(disk.read(file).equals(await readFile(path.join(root, file))), `the recording of ${file} is not whole`).toBe(true)
}

/** Cuts the power after each of these numbers of operations, and goes on with what is left. Returns how many numbers were acknowledged at the last. */
export async function cutAt(operations: readonly Operation[], system: FileSystem, cuts: readonly number[]): Promise<number> {
  const wanted = new Set(cuts)
  const disk = new CutDisk(system)
  let told = ''
  for (let done = 0; done <= operations.length; done++) {
    if (wanted.has(done)) {
      const where = { system, cut: done, of: operations.length, seed }
      expect({ ...where, ...await goOn(disk, told, seededRandom(seed * 1_000_003 + done)) }).toEqual({ ...where, ...nothingWrong, lost: [], declared: [], state: 'kept' })
    }
    const next = operations[done]
    if (next?.path === 'told') told += next.data.toString()
    else if (next) disk.apply(next)
  }
  return [...told.matchAll(/^stored /gm)].length
}

/** In memory where there is some: what counts is what was written, not how fast. */
const bench = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** Two lives after the cut: a store must also outlive its own recovery. */
async function goOn(disk: CutDisk, told: string, random: () => number): Promise<object> {
  const folder = await mkdtemp(path.join(bench, 'linli-cut-'))
  try {
    await disk.write(folder, random)
    const city = new StoreCity({ complete: true })
    for (const [, stream, bytes] of told.matchAll(/^received (\S+) (\S+)$/gm)) city.accept(stream!, Buffer.from(bytes!, 'base64'))
    const stored = [...told.matchAll(/^stored (\d+) (\S+) (\d+) (\d+)$/gm)].map(([, n, epoch, event, telemetry]) => ({ n: Number(n), epoch: epoch!, event: Number(event), telemetry: Number(telemetry) }))
    const before = stored.flatMap(({ n, epoch, event, telemetry }): Produced[] => [{ n, epoch, seq: event }, { n, epoch, seq: telemetry, stream: 'telemetry' }])
    const undelivered = before.filter((item) => !city.has(item))
    const last = stored.at(-1)?.n ?? 0
    const after: Produced[] = []
    let kept = true
    for (let life = 0; life < 2; life++) {
      await using journal = await openStore(folder)
      const reader = await journal.reader('city', { from: 'start' })
      for (let i = 0; i < 3; i++) {
        const n = last + 1_000 + after.length
        await journal.commit({ events: [numbered(n)], readings: [reading('meter.power', n)], urgent: true })
        const { event, telemetry } = journal.heads()
        after.push({ n, ...event }, { n, ...telemetry, stream: 'telemetry' })
        if (i !== 1) await city.drain(reader)
      }
      const state = await journal.state.get('rule/last')
      kept &&= last === 0 || (typeof state === 'number' && state >= last)
    }
    const all = [...before, ...after]
    // A disk that keeps its word loses nothing that was acknowledged: a gap would not do. Only what the city had already may be called lost,
    // where its deletion reached the disk and the reader's place, written before it and no more synced than it, did not.
    return { ...city.findings(all), lost: all.filter((item) => !city.has(item)), declared: undelivered.filter((item) => city.isDeclared(item)), state: kept ? 'kept' : 'gone' }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
