import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { newManifest, manifestName, roots } from '../../firmware-config/backup/manifest.ts'
import { readArchive, writeArchive, type Member, type Opener, type Seal } from '../../firmware-config/backup/archive.ts'
import { membersOf, siteFiles, storeFiles } from '../../firmware-config/backup/gather.ts'
import { restore as restoreArchive } from '../../firmware-config/backup/restore.ts'
import { controlClient } from '../control/client.ts'
import { codeOf, ConfigError, createLog, randomHex, systemClock as clock } from '../kit/index.ts'
import { entriesIn, fillStore, isRecord, packEntries, unpackEntries } from '../store/copy.ts'
import { version } from '../version.ts'
import { paint, print, printJson, stopSignal } from './output.ts'
import { progressBar } from './progress.ts'
import { readSite, type Site } from './rooms.ts'

export interface BackupCommand {
  readonly out: string
  readonly recipient?: readonly string[]
  readonly passphrase?: string
  /** `--no-outbox`. */
  readonly outbox: boolean
  readonly history?: boolean
  readonly json?: boolean
}

/** `linli backup SITE`: configuration, keys, accounts, alert state and outbox in one sealed file; of a gateway that runs or does not. */
export async function backup(file: string, options: BackupCommand): Promise<void> {
  const site = await readSite(file)
  const seal: Seal = options.recipient ? { recipients: options.recipient } : { passphrase: await passphraseOf(options.passphrase, true) }
  const journal = await journalOf(site)
  const { found, outside } = await siteFiles(file, site, site.store.path)
  const files = [...found, ...await storeFiles(site.store.path, { history: options.history ?? false })]
  const folder = path.dirname(path.resolve(file))
  const relative = path.relative(folder, site.store.path)
  const manifest = newManifest({
    linli: version, gateway: site.site.id, at: clock.now(), site: path.basename(file), store: relative.startsWith('..') ? site.store.path : relative, outside: [...outside], records: options.outbox, history: options.history ?? false,
  })
  const bar = progressBar('backup')
  const whole = files.reduce((sum, { size }) => sum + size, 0)
  let done = 0
  const members = async function* (): AsyncGenerator<Member> {
    yield inMemory(manifestName, Buffer.from(JSON.stringify(manifest, null, 2)))
    for await (const member of membersOf(files)) { yield member; bar.show((done += member.size) / (whole * 1.1)) }
    let number = 0
    const kept = filtered(unpackEntries(journal), options.outbox)
    for await (const chunk of packEntries(kept)) yield inMemory(`${roots.journal}/${String(number++).padStart(6, '0')}`, chunk)
  }
  try {
    const bytes = await writeArchive(path.resolve(options.out), members(), seal)
    bar.done()
    if (options.json) return printJson({ ...manifest, file: path.resolve(options.out), bytes, files: files.length })
    print(`${paint('green', 'backed up')} ${site.site.id}: ${options.out}, ${Math.ceil(bytes / 1_000)} kB, ${files.length} files${options.outbox ? ', with what waits for the city' : ', without what waits for the city'}`)
    print(`It holds this gateway's keys: keep it where the keys may be. Onto another box: linli restore ${path.basename(options.out)} FOLDER`)
  } finally {
    bar.done()
  }
}

/** From the gateway that runs; where none does, from its folder. */
async function journalOf(site: Site): Promise<AsyncIterable<Uint8Array>> {
  try {
    return await controlClient(site.control.socket).copy(stopSignal())
  } catch (error) {
    if (codeOf(error) !== 'CONTROL_UNREACHABLE') throw error
    const folder = path.join(site.store.path, 'journal')
    if (!await stat(folder).catch(() => null)) throw new ConfigError('BACKUP_NO_STORE', `no gateway answers on ${site.control.socket}, and ${folder} is not there; check store.path, and run this on the gateway's machine as the user the gateway runs as`)
    return packEntries(entriesIn(folder, createLog({ level: 'warn' })))
  }
}

async function* filtered(entries: AsyncIterable<readonly [string, Uint8Array]>, outbox: boolean): AsyncGenerator<readonly [string, Uint8Array]> {
  for await (const entry of entries) if (outbox || !isRecord(entry[0])) yield entry
}

const inMemory = (name: string, bytes: Uint8Array): Member => ({ name, mode: 0o600, size: bytes.length, body: (async function* () { yield bytes })() })

const fewest = 12

/** From its file; else asked on the terminal, twice where it is new. Throws ConfigError BACKUP_PASSPHRASE. */
async function passphraseOf(file: string | undefined, fresh: boolean): Promise<string> {
  if (file === undefined && !process.stdin.isTTY) throw new ConfigError('BACKUP_PASSPHRASE', 'a backup is sealed: give --recipient age1…, --passphrase FILE, or run this in a terminal and be asked')
  const words = file === undefined ? await asked(fresh) : (await read(file)).trim()
  if (fresh && words.length < fewest) throw new ConfigError('BACKUP_PASSPHRASE', `the passphrase is shorter than ${fewest} characters; four words that have nothing to do with each other are good`)
  return words
}

async function asked(fresh: boolean): Promise<string> {
  const { isCancel, password } = await import('@clack/prompts')
  const ask = async (message: string): Promise<string> => {
    const answer = await password({ message })
    if (isCancel(answer)) throw new ConfigError('BACKUP_PASSPHRASE', 'cancelled; nothing was written')
    return answer ?? ''
  }
  const words = await ask('Passphrase of this backup')
  if (fresh && await ask('The same once more') !== words) throw new ConfigError('BACKUP_PASSPHRASE', 'the two passphrases differ; nothing was written')
  return words
}

const read = (file: string): Promise<string> => readFile(file, 'utf8').catch((cause: unknown) => { throw new ConfigError('BACKUP_PASSPHRASE', `cannot read ${file} (${codeOf(cause)})`, { cause }) })

export interface RestoreCommand {
  readonly identity?: string
  readonly passphrase?: string
  readonly replace?: boolean
  readonly outbox: boolean
  readonly json?: boolean
}

/** `linli restore FILE FOLDER`: the site file comes to lie in FOLDER, the store where the site file says. */
export async function restore(archive: string, folder: string, options: RestoreCommand): Promise<void> {
  const opener: Opener = options.identity
    ? { identities: (await read(options.identity)).split('\n').map((line) => line.trim()).filter((line) => line.startsWith('AGE-SECRET-KEY-')) }
    : { passphrase: await passphraseOf(options.passphrase, false) }
  const bar = progressBar('restore')
  const { size = 0 } = await stat(archive).catch(() => ({ size: 0 }))
  const log = createLog({ level: 'warn' })
  try {
    const restored = await restoreArchive(readArchive(archive, opener), {
      folder, replace: options.replace ?? false, suffix: randomHex(4),
      fill: (place, chunks) => fillStore(place, unpackEntries(chunks), { records: options.outbox, log }),
      // Of what is packed nobody knows how much it will be; three times is usual.
      progress: (bytes) => bar.show(bytes / (size * 3)),
    })
    bar.done()
    if (options.json) return printJson(restored)
    const { manifest, siteFile, store, records, outside, aside } = restored
    print(`${paint('green', 'restored')} ${manifest.gateway} as of ${new Date(manifest.at).toISOString()}: ${siteFile}, store ${store}, ${records} records of the outbox`)
    for (const place of aside) print(`what was there before: ${place}`)
    if (outside.length > 0) print(`${paint('yellow', 'from elsewhere')}, to be put back by hand:\n${outside.map((place) => `  ${place}`).join('\n')}`)
    print(`${paint('yellow', 'The old box must not run any more')}: two boxes with one identity confuse the city. Then: linli check ${siteFile}, linli run ${siteFile}`)
  } finally {
    bar.done()
  }
}
