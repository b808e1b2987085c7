import type { Facility, Review } from '../../gateway/contract/index.ts'
import { didYouMean } from '../../gateway/kit/suggest.ts'
import type { ChannelConfig } from './schema.ts'

const loopback = /^http:\/\/(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?:[:/]|$)/

/** What only shows once the devices are known, and what works but will not please. */
export function reviewChannels(channels: readonly (ChannelConfig | null)[] | null, facility: Facility): readonly Review[] {
  const connections = new Set([...facility.devices.values()].map(({ connectionId }) => connectionId))
  return (channels ?? []).flatMap((channel, index): Review[] => {
    if (!channel) return []
    if (channel.kind === 'mqtt' && !connections.has(channel.connection)) return [{ path: ['channels', index, 'connection'], warning: true, message: `channel ${channel.id} publishes on connection "${channel.connection}", which no device is on${didYouMean(channel.connection, connections)}` }]
    const url = channel.kind === 'webhook' ? channel.url : 'baseUrl' in channel ? channel.baseUrl : undefined
    if (typeof url === 'string' && url.startsWith('http:') && !loopback.test(url)) return [{ path: ['channels', index], warning: true, message: `channel ${channel.id} sends without TLS: whoever is on the way can read and change it; use https` }]
    if (channel.kind === 'email' && channel.security === 'none') return [{ path: ['channels', index, 'security'], warning: true, message: `channel ${channel.id} sends mail in clear; use starttls or tls unless the server is this box` }]
    return []
  })
}
