import { isIPv4 } from 'node:net'
import { DriverError } from '../../../gateway/kit/index.ts'

export interface Target { readonly host: string; readonly address: string; readonly port: number }

/** More hosts than a class C network are no building's. */
export const mostHosts = 1_024
const usualPort = 502

export interface RangeOptions {
  /** Also addresses that are not of a private network. */
  readonly anyNetwork: boolean
  /** All IPv4 addresses of a name. */
  resolve(name: string): Promise<readonly string[]>
}

/**
 * `192.168.1.20`, `192.168.1.20-60`, `192.168.1.0/24`, `meter-1.lan`, each with `:PORT` if it is not 502, several separated by commas.
 * Whether an address is private is judged after names were resolved. Throws DriverError SCAN_RANGE.
 */
export async function targetsOf(text: string, { anyNetwork, resolve }: RangeOptions): Promise<readonly Target[]> {
  const out = new Map<string, Target>()
  for (const part of text.split(',').map((each) => each.trim()).filter((each) => each !== '')) {
    const [, host = '', port] = /^([^:]+)(?::(\d{1,5}))?$/.exec(part) ?? []
    const number = port === undefined ? usualPort : Number(port)
    if (host === '' || number < 1 || number > 65_535) throw wrong(part, 'it is no address, range or name')
    for (const address of await addressesOf(part, host, resolve)) {
      if (!anyNetwork && !isPrivate(address)) throw wrong(part, `${address} is not of a private network (10.x, 172.16-31.x, 192.168.x, 169.254.x, 127.x); a scan stays in the building unless it is told --any-network`)
      out.set(`${address}:${number}`, { host: isIPv4(host) || /[-/]/.test(host) && !/[a-z]/i.test(host) ? address : host, address, port: number })
      if (out.size > mostHosts) throw wrong(text, `more than ${mostHosts} addresses; give the part of the network where the devices are`)
    }
  }
  if (out.size === 0) throw wrong(text, 'no address in it')
  return [...out.values()]
}

const wrong = (part: string, why: string): DriverError => new DriverError('SCAN_RANGE', `"${part}": ${why}; write 192.168.1.20, 192.168.1.20-60, 192.168.1.0/24 or a host's name`)

async function addressesOf(part: string, host: string, resolve: RangeOptions['resolve']): Promise<readonly string[]> {
  if (isIPv4(host)) return [host]
  const network = /^(\d+\.\d+\.\d+\.\d+)\/(\d{1,2})$/.exec(host)
  if (network) return ofNetwork(part, network[1]!, Number(network[2]))
  const range = /^(\d+\.\d+\.\d+\.)(\d+)-(?:(\d+\.\d+\.\d+\.))?(\d+)$/.exec(host)
  if (range) {
    const [, prefix, from, other = prefix, to] = range as unknown as readonly [string, string, string, string | undefined, string]
    if (other !== prefix || !isIPv4(`${prefix}${from}`) || !isIPv4(`${prefix}${to}`) || Number(to) < Number(from)) throw wrong(part, 'a range is within one network of 256, from low to high')
    return Array.from({ length: Number(to) - Number(from) + 1 }, (_, index) => `${prefix}${Number(from) + index}`)
  }
  if (!/^(?=.*[a-z])[a-z0-9.-]{1,253}$/i.test(host)) throw wrong(part, 'it is no address, range or name')
  const found = await resolve(host).catch(() => [])
  const first = found.find(isIPv4)
  if (first === undefined) throw wrong(part, 'the name is not known here (no IPv4 address)')
  // Of all its addresses the one that is connected to is the one that was judged.
  return [first]
}

function ofNetwork(part: string, address: string, bits: number): readonly string[] {
  if (!isIPv4(address) || bits > 32) throw wrong(part, 'it is no network')
  const size = 2 ** (32 - bits)
  if (size > mostHosts) throw wrong(part, `a network of ${size} addresses; at most ${mostHosts}, so /22 or smaller`)
  const base = Math.floor(numberOf(address) / size) * size
  // The first and the last of a network are nobody's.
  const [from, to] = size > 2 ? [base + 1, base + size - 2] : [base, base + size - 1]
  return Array.from({ length: to - from + 1 }, (_, index) => textOf(from + index))
}

const numberOf = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
const textOf = (value: number): string => [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')

/** RFC 1918, link-local and loopback. */
export function isPrivate(address: string): boolean {
  const [a = 0, b = 0] = address.split('.').map(Number)
  return a === 10 || a === 127 || (a === 172 && b >= 16 && b <= 31) || (a === 192 && b === 168) || (a === 169 && b === 254)
}
