import { zstdDecompressSync } from 'node:zlib'
import type { Stored } from '../gateway/contract/index.ts'
import type { UplinkConfig } from './schema.ts'

/** How one uplink words a stored record. Pure; called once for each publish, a resend included, and must give the same bytes again. */
export interface UplinkFormat {
  encode(record: Stored): { readonly payload: Uint8Array; /** MQTT 5 content type. */ readonly contentType: string }
}

const maxRecordBytes = 64 << 20
const json = 'application/cloudevents+json'

/** The native one: the record as it was encoded once (law 3), decompressed for a plain uplink, never parsed. */
const plain: UplinkFormat = {
  encode: ({ bytes, encoding }) => ({ payload: encoding === 'zstd' ? zstdDecompressSync(bytes, { maxOutputLength: maxRecordBytes }) : bytes, contentType: json }),
}
/** A record too small to be worth compressing is stored, and sent, as JSON. */
const stored: UplinkFormat = {
  encode: ({ bytes, encoding }) => ({ payload: bytes, contentType: encoding === 'zstd' ? `${json}+zstd` : json }),
}

export const formatOf = ({ encoding }: Pick<UplinkConfig, 'encoding'>): UplinkFormat => (encoding === 'plain' ? plain : stored)
