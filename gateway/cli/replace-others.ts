import { planChange, versionOf } from '../../firmware-config/apply/index.ts'
import { controlClient } from '../control/client.ts'
import type { ChangePlan, ChangeView, EpochMs, Reading } from '../contract/index.ts'
import { codeOf, ConfigError, systemClock as clock } from '../kit/index.ts'
import { saveProposal } from '../main/discovery/save.ts'
import { watched, whoami } from './change/change.ts'
import { planText } from './change/words.ts'
import { paint, print, printJson, stopSignal } from './output.ts'
import { readdressed, type ReplaceCommand, type Replaced } from './replace-address.ts'
import { readSite } from './rooms.ts'

/** So long a running gateway watches the change before it stays, unless it is told otherwise. */
const usualWindowMs = 15_000
/** So long the new one is waited for afterwards; one that sleeps may take hours. */
const hearMs = 10_000
/** Once some of its points were heard, the others are waited for so long. */
const quietMs = 1_500

interface Parts { readonly file: string; readonly before: string; readonly target: Replaced; readonly options: ReplaceCommand; agreed(): Promise<boolean>; record(reason: string): Promise<boolean> }

/**
 * `linli replace` of a device that is not asked but listened to, or whose line is free only once the gateway lets it: the change goes through
 * plan and apply of the running gateway, which takes it back by itself when something that worked does not any more; then its values are shown.
 */
export async function replaceOther({ file, before, target, options, agreed, record }: Parts): Promise<void> {
  const { device } = target
  const text = await readdressed(file, before, target, options)
  const [old, site] = [await readSite(file, { text: before }), await readSite(file, { text })]
  const client = controlClient(old.control.socket)
  const local = planChange(versionOf(old, before), versionOf(site, text))
  const plan = await client.orderChange<ChangePlan>({ action: 'plan', text }).catch((error: unknown) => { if (codeOf(error) !== 'CONTROL_UNREACHABLE') throw error; return null })
  if (!options.json) print(text === before ? 'the site file stays as it is; points and history go on' : planText(plan ?? local))
  if (!options.yes && !await agreed()) { process.exitCode = 1; return print(paint('yellow', 'nothing was changed; --yes goes on without asking')) }
  const reason = reasonOf(device.id, local, options)
  const backup = text !== before && plan === null ? (await saveProposal({ file, before, text })).backup : null
  const turns = text !== before && plan !== null
  if (turns && !await applied(client, text, reason, options)) return
  // With the change it began anew, and what came while it was watched counts.
  const from = turns ? (await client.status()).startedAt : clock.now()
  const recorded = await record(reason)
  const heard = plan === null ? null : await hear(client, device.points.map(({ id }) => id), from)
  if (options.json) return printJson({ ok: true, device: device.id, changed: local.lines, backup, recorded, heard: heard?.map(({ pointId, value, quality, reason: why }) => ({ point: pointId, value, quality, ...(why === undefined ? {} : { reason: why }) })) ?? null })
  print(`${paint('green', `${device.id} is replaced`)}: same points, same history.${backup === null ? '' : ` The old file is ${backup}. It takes effect at the next start; then linli read ${file} ${device.id} shows what it says.`}`)
  for (const { pointId, value, reason: why } of heard ?? []) print(`  ${pointId}  ${value === null ? paint('yellow', `– ${why ?? ''}`) : String(value)}`)
  if (heard?.every(({ value }) => value === null)) print(paint('yellow', `nothing was heard from it yet; linli read ${file} ${device.id} asks again, linli rollback takes the change back`))
}

/** False: it was taken back, and that was told. */
async function applied(client: ReturnType<typeof controlClient>, text: string, reason: string, { for: windowMs = usualWindowMs, json: quiet = false }: ReplaceCommand): Promise<boolean> {
  const view = await client.orderChange<ChangeView>({ action: 'apply', text, by: whoami(), reason, confirm: 'health', windowMs, acceptLoss: false, overwrite: false })
  const { number } = view.trial!
  await watched(client, number, windowMs, quiet)
  const now = await client.changes()
  const stays = now.configurations.find((each) => each.number === number)?.outcome === 'confirmed'
  if (!stays && quiet) throw new ConfigError('REPLACE_BACK', `configuration ${number} does not stay (linli configurations tells why); nothing is changed`)
  return stays
}

/** What its points said since `from`: until all have said something, or no more comes, or time is up. */
async function hear(client: ReturnType<typeof controlClient>, ids: readonly string[], from: EpochMs): Promise<readonly Reading[]> {
  const [until, signal] = [clock.monotonic() + hearMs, stopSignal()]
  for (let quietFrom = Infinity, said = 0; ;) {
    const readings = (await client.readings().catch(() => [])).filter(({ pointId }) => ids.includes(pointId))
    const fresh = readings.filter(({ value, receivedAt }) => value !== null && receivedAt >= from)
    if (fresh.length > said) [said, quietFrom] = [fresh.length, clock.monotonic() + quietMs]
    const now = clock.monotonic()
    if (now > until || now > quietFrom || signal.aborted || fresh.length === ids.length) return fresh.length > 0 ? fresh : readings.map((reading) => ({ ...reading, value: null, quality: 'bad', reason: reading.reason ?? 'POINT_UNSEEN' }))
    await clock.sleep(250, signal).catch(() => {})
  }
}

const reasonOf = (id: string, { lines }: ChangePlan, { serial, oldSerial }: ReplaceCommand): string => [
  `${id} replaced`, ...(serial === undefined ? [] : [`serial ${oldSerial ?? 'unknown'} -> ${serial}`]), ...lines.flatMap(({ fields }) => fields).slice(0, 3).map(({ path, before, after }) => `${path} ${before ?? 'unset'} -> ${after ?? 'unset'}`),
].join(', ').slice(0, 200)
