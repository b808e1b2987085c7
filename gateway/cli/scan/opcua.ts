import type { FoundServer } from '../../../drivers/opcua/scan.ts'
import { codeOf, ConfigError, describe } from '../../kit/index.ts'
import { serversAt } from '../../main/discovery/opcua.ts'
import { paint, print, printJson, stopSignal, table } from '../output.ts'
import { progressBar } from '../progress.ts'

export interface OpcuaScanOptions { readonly timeout: number; readonly pki?: string; readonly anyNetwork?: boolean; readonly json?: boolean }

const mostUrls = 64

/** `linli scan opcua URL…`: which servers are there and what they offer; opens no session. Only the given addresses are asked. */
export async function scanOpcua(targets: readonly string[], options: OpcuaScanOptions): Promise<void> {
  const signal = stopSignal()
  if (targets.length > mostUrls) throw new ConfigError('PROBE_USAGE', `${targets.length} addresses; at most ${mostUrls}`)
  const found: FoundServer[] = []
  const failed: { readonly url: string; readonly code: string; readonly text: string }[] = []
  const bar = progressBar('scan')
  for (const [index, target] of targets.entries()) {
    if (signal.aborted) break
    bar.show(index / targets.length)
    try {
      found.push(...await serversAt(target, options, signal))
    } catch (error) {
      failed.push({ url: target, code: codeOf(error), text: describe(error) })
    }
  }
  bar.done()
  if (found.length === 0 && failed.length > 0) process.exitCode = 1
  if (options.json) return printJson({ found, failed })
  for (const { url, name, product, urls, endpoints } of found) {
    print(`${paint('bold', url)}  ${name}  ${product}${urls.length > 0 ? `\n  known as ${urls.join(', ')}` : ''}`)
    if (endpoints.length > 0) print(table([['  SECURITY', 'MODE', 'LOGINS'], ...endpoints.map(({ security, mode, logins }) => [`  ${security}`, mode, logins.join(' ')])]))
    print(`  next: linli probe opcua ${url} browse, then a connection in the site file: { id: …, driver: opcua, endpoint: "${url}" }`)
  }
  for (const { code, text } of failed) print(paint('yellow', `${code} ${text}`))
}
