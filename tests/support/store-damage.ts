import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { randomBytes } from 'node:crypto'
import { tempFolder } from './resources.ts'
import { adopt, openStore, produce, StoreCity, type Produced } from './store-city.ts'

type Random = () => number
export interface Damage { readonly name: string; /** It may end the process. */ readonly deadly?: boolean; apply(folder: string, random: Random): Promise<void> }

/** A store of several lives, closed: what it acknowledged, and what a city has of it already. */
export interface Worn { readonly folder: string; readonly produced: readonly Produced[]; readonly delivered: readonly { readonly stream: string; readonly bytes: Uint8Array }[] }

export async function wornStore(): Promise<Worn> {
  const folder = path.join(await tempFolder(), 'journal')
  const produced: Produced[] = []
  const delivered: { stream: string; bytes: Uint8Array }[] = []
  for (let life = 0; life < 4; life++) {
    await using journal = await openStore(folder)
    const reader = await journal.reader('city', { from: 'start' })
    for (let turn = 0; turn < 25; turn++) produced.push(await produce(journal, produced.length + 1, randomBytes(300).toString('hex')))
    for (const stream of life === 1 ? reader.streams : []) {
      const records = await reader.take(stream, 15)
      delivered.push(...records.map(({ bytes }) => ({ stream, bytes: Uint8Array.from(bytes) })))
      await reader.settle(stream, records.map(({ epoch, seq }) => ({ record: { epoch, seq }, outcome: 'acked' as const })))
    }
  }
  return { folder, produced, delivered }
}

const filesOf = async (folder: string, pattern: RegExp): Promise<readonly string[]> =>
  (await readdir(path.join(folder, 'log'))).filter((name) => pattern.test(name)).toSorted().map((name) => path.join(folder, 'log', name))
const pick = <T>(list: readonly T[], random: Random): T => list[Math.floor(random() * list.length)]!

async function flip(file: string, random: Random): Promise<void> {
  const bytes = await readFile(file)
  if (bytes.length === 0) return
  for (let count = 1 + Math.floor(random() * 4); count > 0; count--) bytes[Math.floor(random() * bytes.length)]! ^= 1 << Math.floor(random() * 8)
  await writeFile(file, bytes)
}

/** Where LevelDB aborts when it merges: a key that is not in order. */
async function flipKey(file: string): Promise<void> {
  const bytes = await readFile(file)
  const at = bytes.indexOf('r/e/')
  if (at >= 0) bytes[at]! ^= 0x80
  await writeFile(file, bytes)
}

const inLog = (name: string, pattern: RegExp, harm: (file: string, random: Random) => Promise<void>): Damage => ({ name, apply: async (folder, random) => harm(pick(await filesOf(folder, pattern), random), random) })
const beside = (name: string, harm: (file: string) => Promise<void>): readonly Damage[] => ['epoch', 'mark', 'ends'].map((file) => ({ name: `${file} ${name}`, apply: (folder) => harm(path.join(folder, file)) }))

export const damages: readonly Damage[] = [
  { ...inLog('bits flipped in a table', /\.ldb$/, flip), deadly: true },
  { ...inLog('a flipped bit in a table\'s first key', /\.ldb$/, flipKey), deadly: true },
  inLog('bits flipped in the log', /\.log$/, flip),
  inLog('bits flipped in the manifest', /^MANIFEST-/, flip),
  inLog('the log cut off', /\.log$/, async (file, random) => truncate(file, Math.floor(random() * (await readFile(file)).length))),
  inLog('a table cut off', /\.ldb$/, async (file, random) => truncate(file, Math.floor(random() * (await readFile(file)).length))),
  inLog('a missing table', /\.ldb$/, (file) => rm(file)),
  inLog('an empty manifest', /^MANIFEST-/, (file) => writeFile(file, '')),
  inLog('a missing manifest', /^MANIFEST-/, (file) => rm(file)),
  inLog('an empty CURRENT', /^CURRENT$/, (file) => writeFile(file, '')),
  inLog('a missing CURRENT', /^CURRENT$/, (file) => rm(file)),
  inLog('a missing log', /\.log$/, (file) => rm(file)),
  { name: 'all tables missing', apply: async (folder) => { for (const file of await filesOf(folder, /\.ldb$/)) await rm(file) } },
  { name: 'the whole database gone', apply: (folder) => rm(path.join(folder, 'log'), { recursive: true }) },
  ...beside('emptied', (file) => writeFile(file, '')),
  ...beside('missing', (file) => rm(file, { force: true })),
  ...beside('full of zeros', async (file) => writeFile(file, Buffer.alloc((await readFile(file)).length))),
]

/** Two more lives after the damage: what is wrong with what the city then has. */
export async function outlive(worn: Worn, damage: Damage, random: Random): Promise<object> {
  const folder = path.join(await tempFolder(), 'journal')
  await cp(worn.folder, folder, { recursive: true })
  await adopt(folder)
  await damage.apply(folder, random)
  const city = new StoreCity()
  for (const { stream, bytes } of worn.delivered) city.accept(stream, bytes)
  const produced = [...worn.produced]
  for (let life = 0; life < 2; life++) {
    if (damage.deadly) { produced.push(...lifeApart(folder, produced.length + 1, city)); continue }
    await using journal = await openStore(folder)
    const reader = await journal.reader('city', { from: 'start' })
    produced.push(await produce(journal, produced.length + 1))
    await city.drain(reader)
    // What taking found is declared by now.
    await city.drain(reader)
  }
  return city.findings(produced)
}

/** In a process of its own, started again as a service would be; throws when it does not get through in four starts. */
function lifeApart(folder: string, first: number, city: StoreCity): readonly Produced[] {
  const produced: Produced[] = []
  const told = path.join(folder, '../told')
  for (let start = 0; start < 4; start++) {
    writeFileSync(told, '')
    const { status, signal, stderr } = spawnSync(process.execPath, [path.join(import.meta.dirname, 'store-damage-child.ts'), folder, String(first + produced.length), told], { encoding: 'utf8', timeout: 20_000 })
    for (const line of readFileSync(told, 'utf8').split('\n')) {
      const [word, a = '', b = '', c] = line.split(' ')
      if (word === 'stored') produced.push({ n: Number(a), epoch: b, seq: Number(c) })
      else if (word === 'received') city.accept(a, Buffer.from(b, 'base64'))
    }
    if (status === 0) return produced
    if (signal !== 'SIGABRT') throw new Error(`the store's process ended with ${status ?? signal}: ${stderr}`)
  }
  throw new Error('the store ends its process at each start')
}
