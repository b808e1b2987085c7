import { streams, type Stream } from '../gateway/contract/index.ts'

export interface Topics {
  readonly status: string
  readonly model: string
  readonly snapshot: string
  up(stream: Stream): string
}

/** `{prefix}/{region}/{gateway}/…` */
export function topicsOf(prefix: string, region: string, gateway: string): Topics {
  const base = `${prefix}/${region}/${gateway}`
  const up = Object.fromEntries(streams.map((stream) => [stream, `${base}/up/${stream}`])) as Record<Stream, string>
  return { status: `${base}/status`, model: `${base}/model`, snapshot: `${base}/snapshot`, up: (stream) => up[stream] }
}

/** What a consumer of a whole city subscribes to. */
export const everyUp = (prefix: string): string => `${prefix}/+/+/up/#`

/** null for any other topic. */
export function parseUp(topic: string, prefix: string): { readonly region: string; readonly gateway: string; readonly stream: Stream } | null {
  if (!topic.startsWith(`${prefix}/`)) return null
  const [region, gateway, up, stream, ...rest] = topic.slice(prefix.length + 1).split('/')
  if (!region || !gateway || up !== 'up' || rest.length > 0) return null
  const known = streams.find((name) => name === stream)
  return known ? { region, gateway, stream: known } : null
}
