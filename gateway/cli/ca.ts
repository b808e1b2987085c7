import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import path from 'node:path'
import { PilotCa } from '../../cloud-sync/enrol/ca.ts'
import { serveCa } from '../../cloud-sync/enrol/ca-server.ts'
import { put } from '../../cloud-sync/enrol/files.ts'
import { Tokens } from '../../cloud-sync/enrol/tokens.ts'
import { ConfigError, createLog, systemClock as clock } from '../kit/index.ts'
import { aborted, print, printJson, stopSignal } from './output.ts'

const tokensOf = (folder: string): Tokens => new Tokens(path.join(folder, 'tokens'))
const identifier = /^[a-z0-9-]{1,48}$/

export async function init(folder: string, { name, days }: { readonly name: string; readonly days: number }): Promise<void> {
  await PilotCa.init(folder, { name, days, now: clock.now() })
  print(`${path.join(folder, 'ca.pem')}: the root; brokers trust it (mosquitto: cafile, require_certificate true)\n${path.join(folder, 'ca.key')}: its key; keep it off every network. For pilots: a city takes its own authority`)
}

export async function token(folder: string, gateway: string, { for: forMs, json }: { readonly for: number; readonly json?: boolean }): Promise<void> {
  if (!identifier.test(gateway)) throw new ConfigError('CA_USAGE', `"${gateway}" is no gateway id (site.id of its site file)`)
  await PilotCa.open(folder)
  const tokens = tokensOf(folder)
  await tokens.sweep(clock.now())
  const until = clock.now() + forMs
  const made = await tokens.make(gateway, until)
  if (json) return printJson({ gateway, token: made, until: new Date(until).toISOString() })
  print(made)
}

/** A certificate for a request that came as a file, or with `--server` a broker's own with its key. */
export async function issue(folder: string, { csr, out, server, days }: { readonly csr?: string; readonly out: string; readonly server?: readonly string[]; readonly days: number }): Promise<void> {
  const ca = await PilotCa.open(folder)
  const now = clock.now()
  if (server) {
    const { cert, key } = await ca.server(server, { days, now })
    await put(path.resolve(`${out}.key`), key, 0o600)
    await put(path.resolve(`${out}.pem`), cert, 0o644)
    return print(`${out}.pem and ${out}.key: certificate and key of ${server.join(', ')}`)
  }
  if (csr === undefined) throw new ConfigError('CA_USAGE', 'give the request with --csr FILE, or --server HOST for a server\'s certificate')
  const request = await readFile(csr, 'utf8').catch((cause: unknown) => { throw new ConfigError('CA_USAGE', `cannot read ${csr}; check the path`, { cause }) })
  const certificate = await ca.issue(request, { days, now })
  await put(path.resolve(out), `${certificate.toString()}${ca.pem}`, 0o644)
  print(`${out}: certificate and root for ${certificate.subject}, until ${certificate.validTo}`)
}

export async function serve(folder: string, { listen, host, days }: { readonly listen: string; readonly host?: readonly string[]; readonly days: number }): Promise<void> {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(listen)
  if (!match) throw new ConfigError('CA_USAGE', `--listen ${listen} is not HOST:PORT`)
  const address = match[1] ?? (match[2] || '0.0.0.0')
  const names = host ?? (address === '0.0.0.0' || address === '::' ? ['localhost', '127.0.0.1'] : isIP(address) ? [address, 'localhost'] : [address])
  const log = createLog()
  const tokens = tokensOf(folder)
  await using server = await serveCa({ ca: await PilotCa.open(folder), tokens, host: address, port: Number(match[3]), names, days, clock, log })
  print(`${server.url}  pilot authority (EST, RFC 7030); gateways: linli enrol SITE.yaml --url ${server.url} --ca ${path.join(folder, 'ca.pem')} --token FILE`)
  await aborted(stopSignal())
}
