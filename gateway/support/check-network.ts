import { lookup } from 'node:dns/promises'
import { connect, isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Clock } from '../contract/index.ts'
import { codeOf } from '../kit/index.ts'
import { readHost, thisHost, type Host } from './check-host.ts'
import { found, type CheckFinding } from './findings.ts'

/** A server that the gateway must reach. */
export interface Endpoint { readonly uplink: string; readonly host: string; readonly port: number }

const patienceMs = 3_000
const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || host.startsWith('127.')

/** Interfaces, the way out, names, and whether each uplink's port answers. Where everything is on the box nothing is asked of the network. */
export async function checkNetwork(endpoints: readonly Endpoint[], clock: Clock, host: Host = thisHost): Promise<readonly CheckFinding[]> {
  const beyond = endpoints.filter((endpoint) => !isLoopback(endpoint.host))
  const outside = Object.values(networkInterfaces()).flat().filter((each) => each && !each.internal)
  const down = beyond.length > 0 && outside.length === 0
  const routes = await readHost(host, 'proc/net/route')
  const stray = beyond.some(({ host: name }) => !isPrivate(name)) && routes !== null && !hasDefaultRoute(routes)
  return [
    ...(down ? [found('DOCTOR_NETWORK_DOWN', 'fault', 'network', 'all interfaces', ['没有任何网口有地址。', 'No network interface has an address.'], ['看网线和交换机；核对网口设置（ip address）。', 'See the cable and the switch; check the settings of the interface (ip address).'])] : []),
    ...(stray && !down ? [found('DOCTOR_NO_ROUTE', 'fault', 'network', 'default route', ['没有通往外网的默认网关。', 'There is no default route to the outside.'], ['设置默认网关，或启用 DHCP（ip route）。', 'Set a default gateway or use DHCP (ip route).'])] : []),
    ...(await Promise.all(endpoints.map((endpoint) => reach(endpoint, clock)))).flat(),
  ]
}

/** `proc/net/route`: destination and mask in hexadecimal; 00000000 twice is the way out. */
const hasDefaultRoute = (text: string): boolean => text.split('\n').some((line) => { const fields = line.split(/\s+/); return fields[1] === '00000000' && fields[7] === '00000000' })
const isPrivate = (host: string): boolean => /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/.test(host)

async function reach({ uplink, host, port }: Endpoint, clock: Clock): Promise<readonly CheckFinding[]> {
  const where = `uplink ${uplink}: ${host}:${port}`
  if (isIP(host) === 0) {
    const failed = await within(clock, lookup(host).then(() => null, codeOf))
    if (failed !== null) return [found('DOCTOR_DNS', 'fault', 'network', where, ['查不到平台的域名。', 'The name of the platform cannot be looked up.'], ['核对域名和 DNS 服务器（/etc/resolv.conf）；或改用 IP 地址。', 'Check the name and the DNS server (/etc/resolv.conf), or write its address.'], failed)]
  }
  const failed = await within(clock, open(host, port))
  return failed === null ? [] : [found('DOCTOR_UPLINK_UNREACHABLE', 'fault', 'city', where, ['平台的端口连不上。数据都存在网关里，连上后自动补传。', 'The platform’s port does not answer. Everything is kept and sent later.'], failed === 'ECONNREFUSED' ? ['对方拒绝连接：核对端口，请平台方看服务是否在运行。', 'It refuses: compare the port, and ask the platform whether its broker runs.'] : ['请网络管理员放行这个地址和端口。', 'Ask who runs the network to let this address and port through.'], failed)]
}

/** The code of what went wrong; null when it opened. */
function open(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: patienceMs }, () => { socket.destroy(); resolve(null) })
    socket.on('timeout', () => { socket.destroy(); resolve('ETIMEDOUT') })
    socket.on('error', (error) => { socket.destroy(); resolve(codeOf(error)) })
  })
}

async function within(clock: Clock, work: Promise<string | null>): Promise<string | null> {
  const stop = new AbortController()
  return Promise.race([work, clock.sleep(patienceMs, stop.signal).then(() => 'ETIMEDOUT', () => null)]).finally(() => stop.abort())
}
