import type { GatewayEvent, Reading, Selection } from './contract/index.ts'

/** As the site file says it; `*` in a pattern stands for anything. */
export interface SelectionConfig {
  readonly id: string
  readonly from: Selection['from']
  readonly points?: readonly string[] | undefined
  readonly devices?: readonly string[] | undefined
  readonly types?: readonly string[] | undefined
}

const expressionOf = (pattern: string): RegExp => new RegExp(`^${pattern.split('*').map((part) => part.replace(/[^A-Za-z0-9_-]/g, '\\$&')).join('.*')}$`)

/** True for everything where there are no patterns. Each answer is kept: points and devices are bounded by the site file. */
function matcher(patterns: readonly string[] | undefined): (id: string) => boolean {
  if (!patterns) return () => true
  const expressions = patterns.map(expressionOf)
  const known = new Map<string, boolean>()
  return (id) => {
    let answer = known.get(id)
    if (answer === undefined) known.set(id, answer = expressions.some((expression) => expression.test(id)))
    return answer
  }
}

/** The `streams` section of the site file as the journal takes it. */
export function createSelection({ id, from, points, devices, types }: SelectionConfig): Selection {
  const [ofPoint, ofDevice] = [matcher(points), matcher(devices)]
  return {
    stream: id, from,
    takesReading: ({ pointId }: Reading) => ofPoint(pointId) && ofDevice(pointId.slice(0, pointId.indexOf('.'))),
    takesEvent: ({ type, data, subject }: GatewayEvent) => (types === undefined || types.includes(type)) && ofDevice(typeof data.device === 'string' ? data.device : subject ?? ''),
  }
}
