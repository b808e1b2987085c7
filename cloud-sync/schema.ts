import { z } from 'zod'
import { duration, filePath, identifier, secretRef } from '../gateway/kit/schema.ts'
import { commandsSchema } from './commands/schema.ts'
import { configurationSchema } from './desired/schema.ts'

/** The `uplinks` section of the site file: one entry, one named reader of the journal. */
export const uplinkSchema = z.strictObject({
  id: identifier,
  url: z.string().regex(/^mqtts?:\/\/[^\s/@]+$/, 'write mqtt://host:port or mqtts://host:port; user and password have keys of their own'),
  /** MQTT 5 tells a refused publish from an accepted one. A broker that refuses version 5 is tried with 3.1.1. */
  protocol: z.enum(['5', '3.1.1']).default('5'),
  prefix: z.string().regex(/^[^\s#+]+[^\s#+/]$/, 'no wildcards, no trailing slash').default('linli/v1'),
  /** What it takes; by default the four. The ledger goes with whatever it takes. */
  streams: z.array(identifier).min(1).optional(),
  /** Default: linli-<gateway>-<uplink id>. Unique at the broker. */
  clientId: z.string().min(1).max(120).optional(),
  username: z.string().min(1).optional(),
  password: secretRef.optional(),
  /** Certificate authority of the broker (PEM), for one the system does not know. */
  ca: filePath.optional(),
  /** The gateway's own certificate and key (PEM). */
  cert: filePath.optional(),
  key: filePath.optional(),
  /** The gateway renews its own certificate, with that certificate as its pass, at the authority that issued it (EST, RFC 7030). */
  renew: z.strictObject({
    /** Of the authority, as for `linli enrol --url`. */
    url: z.string().refine((url) => /^https:\/\/[^\s@]+$/.test(url) && URL.canParse(url), 'write https://host:port of the authority'),
    /** Certificate authority of that server (PEM), for one the system does not know. */
    ca: filePath.optional(),
    /** So long before its end; by default a third of its life, and never in the first half of it. */
    lead: duration.optional(),
  }).optional(),
  /** Publishes in the air at once. */
  window: z.int().min(1).max(1_000).default(100),
  /** Without a PUBACK for this long the connection is given up and everything unacknowledged is sent again. */
  ackTimeout: duration.default(20_000),
  keepalive: duration.default(30_000),
  /** `zstd` sends records as they are stored; the consumer decompresses. */
  encoding: z.enum(['plain', 'zstd']).default('plain'),
  /** End-to-end: a record is let go when the platform has confirmed it on `{base}/ack`, not when the broker has taken it. */
  confirm: z.boolean().default(false),
  /** With `commands` or `confirm`: how long the broker keeps what comes for us while we are away. `0s`: not at all. 3.1.1 knows no end. */
  sessionExpiry: duration.default(3_600_000).refine((ms) => ms <= 604_800_000, 'at most 168h'),
  /** Which actors may command over this uplink; without it nobody may. */
  commands: commandsSchema.optional(),
  /** Who may wish for another configuration of this box over this uplink; without it nobody may. */
  configuration: configurationSchema.optional(),
}).refine(({ renew, cert, key }) => !renew || (cert !== undefined && key !== undefined), { path: ['renew'], message: 'a certificate that is renewed is named by cert and key of this uplink; linli enrol makes both' })

export type UplinkConfig = z.output<typeof uplinkSchema>
