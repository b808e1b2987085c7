import { z } from 'zod'

const unitsMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const
const duration = z.string().regex(/^\d+(ms|s|m|h)$/, 'write a duration as 500ms, 5s, 10m or 2h').transform((text) => {
  const [, count, unit] = /^(\d+)(ms|s|m|h)$/.exec(text)!
  return Number(count) * unitsMs[unit as keyof typeof unitsMs]
})
const secret = z.union([z.strictObject({ env: z.string().min(1) }), z.strictObject({ file: z.string().min(1) })])

/** The `uplinks` section of the site file: one entry, one named reader of the journal. */
export const uplinkSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9-]{1,48}$/, 'use 1 to 48 of a-z, 0-9 and -'),
  url: z.string().regex(/^mqtts?:\/\/[^\s/@]+$/, 'write mqtt://host:port or mqtts://host:port; user and password have keys of their own'),
  /** MQTT 5 tells a refused publish from an accepted one. A broker that refuses version 5 is tried with 3.1.1. */
  protocol: z.enum(['5', '3.1.1']).default('5'),
  prefix: z.string().regex(/^[^\s#+]+[^\s#+/]$/, 'no wildcards, no trailing slash').default('linli/v1'),
  /** Default: linli-<gateway>-<uplink id>. Unique at the broker. */
  clientId: z.string().min(1).max(120).optional(),
  username: z.string().min(1).optional(),
  password: secret.optional(),
  /** Certificate authority of the broker (PEM), for one the system does not know. */
  ca: z.string().optional(),
  /** The gateway's own certificate and key (PEM). */
  cert: z.string().optional(),
  key: z.string().optional(),
  /** Publishes in the air at once. */
  window: z.int().min(1).max(1_000).default(100),
  /** Without a PUBACK for this long the connection is given up and everything unacknowledged is sent again. */
  ackTimeout: duration.default(20_000),
  keepalive: duration.default(30_000),
  /** `zstd` sends records as they are stored; the consumer decompresses. */
  encoding: z.enum(['plain', 'zstd']).default('plain'),
})

export type UplinkConfig = z.output<typeof uplinkSchema>
