import { z } from 'zod'
import { duration, identifier, secretRef } from '../gateway/kit/schema.ts'

/** The `uplinks` section of the site file: one entry, one named reader of the journal. */
export const uplinkSchema = z.strictObject({
  id: identifier,
  url: z.string().regex(/^mqtts?:\/\/[^\s/@]+$/, 'write mqtt://host:port or mqtts://host:port; user and password have keys of their own'),
  /** MQTT 5 tells a refused publish from an accepted one. A broker that refuses version 5 is tried with 3.1.1. */
  protocol: z.enum(['5', '3.1.1']).default('5'),
  prefix: z.string().regex(/^[^\s#+]+[^\s#+/]$/, 'no wildcards, no trailing slash').default('linli/v1'),
  /** Default: linli-<gateway>-<uplink id>. Unique at the broker. */
  clientId: z.string().min(1).max(120).optional(),
  username: z.string().min(1).optional(),
  password: secretRef.optional(),
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
