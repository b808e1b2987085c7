import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { desiredText, maxDesiredBytes, readContent, readDesired, secretNamePattern, type DesiredMessage, type Unsigned } from '../../cloud-sync/desired/message.ts'
import { readReported, type Reported } from '../../cloud-sync/desired/reported.ts'
import { seal } from '../../cloud-sync/desired/sealing.ts'
import { citySecrets, namesSecret } from '../../firmware-config/apply/index.ts'
import { controlClient } from '../control/client.ts'
import { createFile } from '../kit/durable-file.ts'
import { codeOf, ConfigError, describe, systemClock as clock } from '../kit/index.ts'
import { paint, print, printJson } from './output.ts'
import { readSite } from './rooms.ts'
import { socketPath, type SocketOptions } from './socket.ts'

const usage = (text: string, cause?: unknown): ConfigError => new ConfigError('DESIRED_USAGE', text, { cause })
const publicOf = (key: KeyObject): string => createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64')

/** `linli desired key FILE`. */
export async function makeKey(file: string, { actor, json }: { readonly actor: string; readonly json?: boolean }): Promise<void> {
  const key = generateKeyPairSync('ed25519').privateKey
  const made = await createFile(file, key.export({ type: 'pkcs8', format: 'pem' }) as string).catch((cause: unknown) => { throw usage(`cannot write ${file} (${codeOf(cause)})`, cause) })
  if (!made) throw usage(`${file} exists and is left alone; boxes may trust that key`)
  const publicKey = publicOf(key)
  if (json) return printJson({ file, actor, publicKey })
  print(`# ${file} is the secret half: whoever has it decides what the boxes do. In the site file of each, below its uplink:\nconfiguration: { keys: [{ actor: ${actor}, publicKey: "${publicKey}" }] }`)
}

export interface SealCommand {
  readonly asVersion: number; readonly key: string; readonly reason: string; readonly actor: string
  readonly reported?: string; readonly boxKey?: string; readonly gateway?: string; readonly to?: string
  readonly secret?: readonly string[]; readonly base?: string; readonly acceptLoss?: boolean; readonly unchecked?: boolean
}

/** `linli desired seal SITE`: the message on stdout, what it means on stderr. */
export async function sealDesired(file: string, options: SealCommand): Promise<void> {
  const key = await keyOf(options.key)
  const [text, { gateway, recipient }] = [(await read(file)).replace(/^\uFEFF/, ''), await boxOf(options)]
  if (!options.unchecked) await review(file, text, gateway, publicOf(key))
  const content = Buffer.from(JSON.stringify({ site: text, secrets: await secretsOf(options.secret ?? [], text) }))
  readContent(content)
  const unsigned: Unsigned = {
    gateway, version: options.asVersion, issuedAt: new Date(clock.now()).toISOString(), actor: options.actor, reason: options.reason,
    ...(options.base === undefined ? {} : { base: options.base }), ...(options.acceptLoss ? { acceptLoss: true } : {}), sealed: Buffer.from(await seal(content, recipient)).toString('base64'),
  }
  const message: DesiredMessage = { desired: 1, ...unsigned, signature: sign(null, Buffer.from(desiredText(unsigned)), key).toString('base64') }
  const bytes = JSON.stringify(message)
  // By the box's own eyes: what it would refuse is not sent.
  readDesired(Buffer.from(bytes), { gateway, keys: [{ actor: options.actor, publicKey: publicOf(key) }] })
  print(bytes)
  process.stderr.write(`version ${options.asVersion} for ${gateway}, ${Buffer.byteLength(bytes)} of ${maxDesiredBytes} bytes\n`)
}

/** What would be refused on the box, or cut the city off from it. */
async function review(file: string, text: string, gateway: string, publicKey: string): Promise<void> {
  const site = await readSite(file, { text })
  if (site.site.id !== gateway) throw usage(`${file} is of ${site.site.id}, and the message is for ${gateway}; it would become another gateway. Give --unchecked if that is meant`)
  const trusted = site.uplinks.some(({ configuration }) => configuration?.keys.some((each) => each.publicKey === publicKey))
  if (!trusted) process.stderr.write(`${paint('yellow', 'take care', process.stderr)}: no uplink of this site file trusts your key; it would be the last configuration that the box takes from you\n`)
}

/** Whom it is for, from what the box reports or as it was given. */
async function boxOf({ reported, boxKey, gateway, to }: SealCommand): Promise<{ readonly gateway: string; readonly recipient: string }> {
  if (reported === undefined) {
    if (gateway === undefined || to === undefined) throw usage('say whom it is for: --reported FILE, or --gateway ID and --to age1…')
    return { gateway, recipient: to }
  }
  const box = readReported(await read(reported), boxKey)
  if (gateway !== undefined && gateway !== box.gateway) throw usage(`${reported} is of ${box.gateway}, not of ${gateway}`)
  if (boxKey === undefined) process.stderr.write(`${paint('yellow', 'take care', process.stderr)}: ${reported} is believed as it is; with --box-key only the box itself can have written it\n`)
  return { gateway: box.gateway, recipient: to ?? box.recipient }
}

async function secretsOf(all: readonly string[], text: string): Promise<Readonly<Record<string, string>>> {
  const secrets = new Map<string, string>()
  for (const each of all) {
    const [name, file] = [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)]
    if (!each.includes('=') || !secretNamePattern.test(name)) throw usage(`--secret "${each.slice(0, 80)}": write NAME=FILE, the name with 1 to 64 of a-z, 0-9, "." "_" "-"`)
    if (!namesSecret(text, name)) throw usage(`the site file does not name ${citySecrets}/${name}; write { file: ${citySecrets}/${name} } where it belongs`)
    secrets.set(name, await read(file))
  }
  return Object.fromEntries(secrets)
}

async function keyOf(file: string): Promise<KeyObject> {
  const text = await read(file)
  try {
    const key = createPrivateKey(text)
    if (key.asymmetricKeyType === 'ed25519') return key
  } catch { /* said below */ }
  throw usage(`${file} holds no Ed25519 key; linli desired key makes one`)
}

const read = (file: string): Promise<string> => readFile(file, 'utf8').catch((cause: unknown) => { throw usage(`cannot read ${file}: ${describe(cause)}`, cause) })

/** `linli desired show`. */
export async function show(options: SocketOptions & { readonly json?: boolean }): Promise<void> {
  const reported = await controlClient(await socketPath(options)).desired<Reported>()
  return options.json ? printJson(reported) : print(reportedText(reported))
}

function reportedText({ gateway, desired, ignored, current, floor, recipient, key, keyid }: Reported): string {
  const state = desired && `${paint(['confirmed', 'trial'].includes(desired.state) ? 'green' : 'yellow', desired.state)}${desired.code ? ` (${desired.code})` : ''}${desired.detail ? `: ${desired.detail}` : ''}`
  return [
    `${gateway}: ${desired ? `version ${desired.version} of ${desired.actor} is ${state}` : 'the city has wished for nothing yet'}`,
    ...(current ? [`runs: configuration ${current.number} of ${current.by} (${current.origin})${current.trial ? ', on trial' : ''}${current.edited ? ', and the file was changed by hand since' : ''}; hash ${current.hash}`] : []),
    ...(ignored ? [paint('yellow', `ignored at ${new Date(ignored.at).toISOString()}: ${ignored.detail} (${ignored.code})`)] : []),
    `next version: above ${floor}`, `seal for:     ${recipient}`, `its own key:  ${key} (${keyid})`,
  ].join('\n')
}
