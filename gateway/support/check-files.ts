import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import type { EpochMs, SecretRef } from '../contract/index.ts'
import { codeOf, readSecret } from '../kit/index.ts'
import { found, type CheckFinding } from './findings.ts'

/** `renewed`: the gateway does it by itself. `enrol`: the site file for which `linli enrol` fetches it. `comesWith`: the certificate beside which it is fetched. */
export interface CertificateFile { readonly where: string; readonly cert: string; readonly key?: string | undefined; readonly renewed?: boolean; readonly enrol?: string; readonly comesWith?: string | undefined }
export interface SecretPlace { readonly where: string; readonly ref: SecretRef }

const dayMs = 86_400_000
const warnMs = 21 * dayMs
const maxPemBytes = 1 << 20

export async function checkCertificate({ where, cert, key, renewed = false, enrol, comesWith }: CertificateFile, now: EpochMs): Promise<readonly CheckFinding[]> {
  const place = `${where}: ${cert}`
  const pem = await small(cert)
  if (pem instanceof Error && codeOf(pem) === 'ENOENT') {
    if (enrol !== undefined) return [found('DOCTOR_NOT_ENROLLED', 'fault', 'certificates', place, ['还没有平台发的证书。', 'There is no certificate of the platform’s yet.'], [`运行 linli enrol ${enrol}；或改正路径。`, `Run linli enrol ${enrol}, or correct the path.`])]
    if (comesWith !== undefined && await small(comesWith) instanceof Error) return []
  }
  if (pem instanceof Error) return [unreadable(place, codeOf(pem))]
  let first: X509Certificate
  try { first = new X509Certificate(pem) } catch { return [unreadable(place, 'no certificate in PEM or DER')] }
  const ends = first.validToDate.getTime()
  const day = first.validToDate.toISOString().slice(0, 10)
  const out: CheckFinding[] = []
  if (ends <= now) out.push(found('DOCTOR_CERTIFICATE_ENDED', 'fault', 'certificates', place, [`证书已于 ${day} 到期。`, `The certificate ended on ${day}.`], renewal))
  else if (ends - now < warnMs && !renewed) out.push(found('DOCTOR_CERTIFICATE_ENDS', 'warning', 'certificates', place, [`证书将于 ${day} 到期。`, `The certificate ends on ${day}.`], renewal))
  if (first.validFromDate.getTime() > now) out.push(found('DOCTOR_CERTIFICATE_ENDED', 'fault', 'certificates', place, ['证书还没有生效：时间不对，或证书签早了。', 'The certificate is not valid yet: the clock is wrong, or it was issued for later.'], ['先校准网关时间。', 'Set the clock of the box first.']))
  if (key !== undefined) out.push(...await checkKey(place, key, first))
  return out
}

const renewal = ['换上新证书（linli enrol --renew；页面证书见 console.tls）。', 'Put a new one in place (linli enrol --renew; for the page see console.tls).'] as const
const unreadable = (place: string, why: string): CheckFinding => found('DOCTOR_CERTIFICATE_UNREADABLE', 'fault', 'certificates', place, ['证书读不出来。', 'The certificate cannot be read.'], ['核对路径和所有者；内容须是完整的 PEM。', 'Check path and owner; it must be whole PEM.'], why)

async function checkKey(place: string, key: string, certificate: X509Certificate): Promise<readonly CheckFinding[]> {
  const pem = await small(key)
  if (pem instanceof Error) return [unreadable(`${place}, ${key}`, codeOf(pem))]
  try {
    if (certificate.checkPrivateKey(createPrivateKey(pem))) return []
  } catch { /* No key at all is no pair either. */ }
  return [found('DOCTOR_CERTIFICATE_KEY', 'fault', 'certificates', `${place}, ${key}`, ['证书和私钥不是一对。', 'Certificate and key do not belong together.'], ['换上这张证书自己的私钥。', 'Put the certificate’s own key in place.'])]
}

async function small(file: string): Promise<Buffer | Error> {
  try {
    const { size } = await stat(file)
    return size > maxPemBytes ? Buffer.alloc(0) : await readFile(file)
  } catch (error) { return error as Error }
}

const weak = new Set(['password', 'passwd', 'admin', 'administrator', 'root', '12345678', '123456789', '1234567890', 'changeme', 'qwertyui', 'linli', 'secret', '88888888', '00000000'])
const shortest = 8

/** The secret itself is looked at, and not told. */
export async function checkSecret({ where, ref }: SecretPlace): Promise<readonly CheckFinding[]> {
  const place = `${where}: ${'env' in ref ? `env ${ref.env}` : ref.file}`
  const secret = await readSecret(ref).catch(() => null)
  if (secret === null) return [found('DOCTOR_SECRET_MISSING', 'fault', 'secrets', place, ['密码或密钥不在站点文件说的地方。', 'A password or key is not where the site file says.'], 'env' in ref ? ['启动前设置这个环境变量；命令行查看时也要有它。', 'Set this environment variable before the start; this command needs it too.'] : ['建立这个文件，只让网关的用户可读（chmod 600）。', 'Create the file, readable by the gateway’s user only (chmod 600).'])]
  const easy = secret.length < shortest || weak.has(secret.toLowerCase()) || /^(.)\1*$/.test(secret)
  return [
    ...(easy && !/phone/.test(where) ? [found('DOCTOR_SECRET_WEAK', 'warning', 'secrets', place, ['密码太短或太常见。', 'The password is short or a common one.'], ['换一个不少于 12 个字符的随机密码。', 'Take a random one of twelve characters or more.'])] : []),
    ...('file' in ref ? await checkMode(ref.file, where) : []),
  ]
}

/** Nobody else on the box may read it; but in a folder of root whose group is the gateway's, such as /etc/linli, that group must. */
export async function checkMode(file: string, where = file): Promise<readonly CheckFinding[]> {
  const [own, folder] = await Promise.all([stat(file), stat(path.dirname(file))]).catch(() => [null, null])
  if (own === null || folder === null) return []
  const shared = own.uid === 0 && folder.uid === 0 && folder.gid !== 0 && own.gid === folder.gid
  const mode = own.mode & 0o777
  if ((mode & (shared ? 0o027 : 0o077)) === 0) return []
  const right = `chmod ${(mode & 0o100) === 0 ? (shared ? '640' : '600') : (shared ? '750' : '700')} ${file}`
  // The group may hold the service's own users; the rest of the world may not.
  return [found('DOCTOR_FILE_MODE', (mode & 0o007) === 0 ? 'notice' : 'warning', 'secrets', where === file ? file : `${where}: ${file}`, [`文件权限 ${mode.toString(8)}，别的用户也能读。`, `Mode ${mode.toString(8)}: other users can read it.`], [right, right])]
}
