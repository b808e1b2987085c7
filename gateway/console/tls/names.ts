import { BlockList, isIP } from 'node:net'
import { networkInterfaces } from 'node:os'

export interface Network { readonly address: string; readonly prefix: number }
/** Host names in lower case, and networks. A name covers those below it too. */
export interface Names { readonly hosts: readonly string[]; readonly networks: readonly Network[] }
interface Called { readonly listen: { readonly host: string }; readonly hosts: readonly string[] }

const maxAddresses = 32
const hostPattern = /^(?!-)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*$/

/** IPv4 of this box's cards, with the networks that they are in. IPv6 changes by the day; it counts only where the site file names it. */
export function ownNetworks(): readonly Network[] {
  return Object.values(networkInterfaces()).flatMap((each) => each ?? []).filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address, cidr }) => ({ address, prefix: Number(cidr?.split('/')[1] ?? 32) })).slice(0, maxAddresses)
}

/** By what names and addresses browsers call the console. The box itself is always among them. */
export function namesWanted({ listen, hosts }: Called, own: readonly Network[]): Names {
  const everywhere = listen.host === '0.0.0.0' || listen.host === '::'
  const told = [...new Set([...hosts, ...(everywhere ? [] : [listen.host]), 'localhost'].map((host) => host.toLowerCase()))]
  const fixed = ['127.0.0.1', ...told.filter((host) => isIP(host) !== 0)].map((address) => ({ address, prefix: isIP(address) === 4 ? 32 : 128 }))
  const networks = [...fixed, ...(everywhere ? own : own.filter(({ address }) => address === listen.host))]
  return { hosts: told.filter((host) => isIP(host) === 0 && hostPattern.test(host)), networks: networks.filter(({ address }, index) => networks.findLastIndex((other) => other.address === address) === index) }
}

const privateRanges = new BlockList()
for (const [address, prefix] of [['10.0.0.0', 8], ['172.16.0.0', 12], ['192.168.0.0', 16]] as const) privateRanges.addSubnet(address, prefix, 'ipv4')

/**
 * What the authority is allowed for ten years: the names, and of a card's private address the network it is in, at most 256 addresses, since the
 * router may give another of them tomorrow. Any other address is itself alone.
 */
export const namesAllowed = ({ hosts, networks }: Names): Names => ({
  hosts,
  networks: networks.map(({ address, prefix }) => (isIP(address) === 4 && privateRanges.check(address, 'ipv4') ? { address, prefix: Math.max(prefix, 24) } : { address, prefix: isIP(address) === 4 ? 32 : 128 })),
})

/** Of what is wanted, what the authority may sign, and what it may not. */
export function split(wanted: Names, allowed: Names): { readonly within: readonly string[]; readonly outside: readonly string[] } {
  const ranges = new BlockList()
  for (const { address, prefix } of allowed.networks) ranges.addSubnet(address, prefix, isIP(address) === 4 ? 'ipv4' : 'ipv6')
  const may = (name: string): boolean => { const family = isIP(name); return family === 0 ? allowed.hosts.some((host) => name === host || name.endsWith(`.${host}`)) : ranges.check(name, family === 4 ? 'ipv4' : 'ipv6') }
  const all = [...wanted.hosts, ...wanted.networks.map(({ address }) => address)]
  return { within: all.filter(may), outside: all.filter((name) => !may(name)) }
}

/** Four or sixteen bytes of an address that `isIP` takes. */
export function bytesOf(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number))
  // An embedded IPv4 tail is two groups.
  const plain = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a: string, b: string, c: string, d: string) => `${(Number(a) * 256 + Number(b)).toString(16)}:${(Number(c) * 256 + Number(d)).toString(16)}`)
  const [head, tail] = plain.split('::').map((half) => half.split(':').filter(Boolean)) as [string[], string[] | undefined]
  const groups = tail === undefined ? head : [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => '0'), ...tail]
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex')
}
