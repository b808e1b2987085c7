import type { ChannelConfig } from './schema.ts'

/** Which ids rules and escalation may name. Takes the list as far as it could be read. */
export const channelIds = (channels: readonly (ChannelConfig | null)[] | null | undefined): ReadonlySet<string> => new Set((channels ?? []).flatMap((channel) => channel?.id ?? []))

/** A channel's name among the journal's readers. The store takes no slash in one, and no uplink can be called so. */
export const readerName = (id: string): string => `notify:${id}`
