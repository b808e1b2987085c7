import { createHash, X509Certificate } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { EpochMs } from '../contract/index.ts'
import { found, type CheckFinding } from './findings.ts'

/** The certificate folder of OPC UA connections, and whom they talk to. */
export interface OpcuaPki { readonly folder: string; readonly connections: readonly { readonly id: string; readonly endpoint: string }[] }

const dayMs = 86_400_000
const warnMs = 30 * dayMs
/** Servers that offer a new certificate at every start leave many. */
const mostShown = 5
const mostFiles = 200

/** When the gateway's own certificate ends, and server certificates that nobody has trusted yet. A folder that is not there was not needed yet. */
export async function checkOpcua({ folder, connections }: OpcuaPki, now: EpochMs): Promise<readonly CheckFinding[]> {
  const own = path.join(folder, 'own/certs/client_certificate.pem')
  const [certificate, rejected, trusted] = [await readCertificate(own), await certificatesIn(path.join(folder, 'rejected')), await certificatesIn(path.join(folder, 'trusted/certs'))]
  const known = new Set(trusted.map(({ thumbprint }) => thumbprint))
  // The library names files after what it was shown: one certificate may lie there under several names.
  const waiting = [...new Map(rejected.filter(({ thumbprint }) => !known.has(thumbprint)).map((each) => [each.thumbprint, each])).values()]
  const who = connections.map(({ id }) => id).join(', ')
  const trust = connections.map(({ endpoint }) => `linli probe opcua ${endpoint} trust --pki ${folder}`).join('; ')
  return [
    ...(certificate ? endsOf(certificate, now, `connection ${who}: ${own}`, folder) : []),
    ...waiting.slice(0, mostShown).map(({ thumbprint, certificate: each, file }) => found('OPCUA_SERVER_UNTRUSTED', 'warning', 'certificates', `connection ${who}: ${file}`, [
      `有一张 OPC UA 服务器的证书还没有人信任，连不上。指纹 ${thumbprint}。`, `A certificate of an OPC UA server is trusted by nobody yet, and the gateway does not connect to it. Thumbprint ${thumbprint}.`,
    ], [`与服务器上显示的指纹核对；一致就运行 ${trust}；不一致就删掉这个文件。`, `Compare the thumbprint with the server's. If it is the same, run ${trust}; if not, delete the file.`], `${each.subject.replaceAll('\n', ', ')}; valid to ${each.validTo}${waiting.length > mostShown ? `; ${waiting.length} such certificates wait` : ''}`)),
  ]
}

function endsOf(certificate: X509Certificate, now: EpochMs, where: string, folder: string): readonly CheckFinding[] {
  const ends = certificate.validToDate.getTime()
  if (ends - now >= warnMs) return []
  const day = certificate.validToDate.toISOString().slice(0, 10)
  const next = [`把 ${folder}/own 移走，重启网关，再让各服务器信任新证书。`, `Move ${folder}/own away, start the gateway again, and have each server accept the new certificate.`] as const
  return [ends <= now ? found('OPCUA_CERTIFICATE_ENDS', 'fault', 'certificates', where, [`网关自己的 OPC UA 证书已于 ${day} 到期。`, `The gateway's own certificate for OPC UA ended on ${day}.`], next) : found('OPCUA_CERTIFICATE_ENDS', 'warning', 'certificates', where, [`网关自己的 OPC UA 证书将于 ${day} 到期。`, `The gateway's own certificate for OPC UA ends on ${day}.`], next)]
}

const readCertificate = (file: string): Promise<X509Certificate | null> => readFile(file).then((bytes) => new X509Certificate(bytes)).catch(() => null)

async function certificatesIn(folder: string): Promise<readonly { readonly file: string; readonly thumbprint: string; readonly certificate: X509Certificate }[]> {
  const names = (await readdir(folder).catch((): string[] => [])).filter((name) => /\.(pem|der|crt|cer)$/i.test(name)).slice(0, mostFiles)
  const all = await Promise.all(names.map(async (name) => { const file = path.join(folder, name); return { file, certificate: await readCertificate(file) } }))
  return all.flatMap(({ file, certificate }) => (certificate ? [{ file, certificate, thumbprint: createHash('sha1').update(certificate.raw).digest('hex') }] : []))
}
