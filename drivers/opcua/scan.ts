import type { Clock, DriverKit } from '../../gateway/contract/index.ts'
import { clientOf, closeMs, discover, openPki, quiet, reachable, summaryOf, type Offer } from './discovery.ts'
import { atMost, within } from './deadline.ts'
import type { OpcuaConnection } from './schema.ts'

/** One server as it describes itself: FindServers (Part 4 §5.5.2) and GetEndpoints. */
export interface FoundServer { readonly url: string; readonly name: string; readonly uri: string; readonly product: string; readonly urls: readonly string[]; readonly endpoints: readonly Offer[] }

/** Asks a discovery address what servers it knows, and each of them here what it offers. No session is opened. Throws DriverError. */
export async function findServers(settings: OpcuaConnection, kit: Pick<DriverKit, 'log' | 'readSecret'> & { readonly clock: Clock }, signal: AbortSignal): Promise<readonly FoundServer[]> {
  quiet(kit.log)
  const pki = await openPki(settings.pki, kit)
  const client = clientOf(settings, pki, {})
  try {
    signal.throwIfAborted()
    await within(kit.clock, settings.connectTimeout, 'the connection', client.connect(settings.endpoint), signal)
    const servers = await within(kit.clock, settings.timeout, 'the question for its servers', client.findServers(), signal)
    const endpoints = (await discover(settings, pki, kit.clock, signal)).map(summaryOf)
    return servers.map(({ applicationName, applicationUri, productUri, discoveryUrls }) => {
      const urls = (discoveryUrls ?? []).flatMap((url) => (url === null ? [] : [url]))
      const own = urls.some((url) => portOf(url) === portOf(settings.endpoint)) || servers.length === 1
      return { url: settings.endpoint, name: applicationName?.text ?? '', uri: applicationUri ?? '', product: productUri ?? '', urls, endpoints: own ? endpoints : [] }
    })
  } catch (error) {
    throw reachable(error, 'scan', settings)
  } finally {
    await atMost(kit.clock, closeMs, client.disconnect())
    await pki.close()
  }
}

/** Servers name themselves by a host that is not always known here; the port tells them apart. */
const portOf = (url: string): string => { try { return new URL(url).port || '4840' } catch { return '' } }
