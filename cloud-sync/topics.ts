import type { Stream } from '../gateway/contract/index.ts'

export interface Topics {
  readonly status: string
  readonly model: string
  readonly snapshot: string
  /** Where the platform confirms what it has, with `confirm: true`. */
  readonly ack: string
  /** The city's commands, and below which their answers go. */
  readonly commands: string
  readonly answers: string
  /** The configuration that the city wishes, and what became of it; both retained. */
  readonly desired: string
  readonly reported: string
  up(stream: Stream): string
}

/** `{prefix}/{region}/{gateway}/…` */
export function topicsOf(prefix: string, region: string, gateway: string): Topics {
  const base = `${prefix}/${region}/${gateway}`
  return {
    status: `${base}/status`, model: `${base}/model`, snapshot: `${base}/snapshot`, ack: `${base}/ack`,
    commands: `${base}/cmd/req`, answers: `${base}/cmd/res`, desired: `${base}/config/desired`, reported: `${base}/config/reported`,
    up: (stream) => `${base}/up/${stream}`,
  }
}

/** What a consumer of a whole city subscribes to. */
export const everyUp = (prefix: string): string => `${prefix}/+/+/up/#`

/** One of the four, or a selection's name. */
export const streamPattern = /^[a-z0-9-]{1,48}$/

/** null for any other topic. */
export function parseUp(topic: string, prefix: string): { readonly region: string; readonly gateway: string; readonly stream: Stream } | null {
  if (!topic.startsWith(`${prefix}/`)) return null
  const [region, gateway, up, stream, ...rest] = topic.slice(prefix.length + 1).split('/')
  if (!region || !gateway || up !== 'up' || rest.length > 0) return null
  return stream !== undefined && /^[a-z0-9-]{1,48}$/.test(stream) ? { region, gateway, stream } : null
}
