import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import type { AlertView } from '../../api/index.ts'
import { AlertCard } from './alert-card.tsx'
import { useGradually } from './gradually.ts'

const mostUnfolded = 100
const unfolded = signal<ReadonlySet<string>>(new Set())

/** The same thing many times is one line ×n: same words, severity and state. What is critical stands alone, each with its place. */
export function grouped(list: readonly AlertView[]): ReadonlyMap<string, readonly AlertView[]> {
  const groups = new Map<string, AlertView[]>()
  for (const alert of list) {
    const key = alert.severity === 1 ? alert.id : [alert.severity, alert.title.zh, alert.state, alert.condition].join('\n')
    const group = groups.get(key)
    if (group) group.push(alert)
    else groups.set(key, [alert])
  }
  return groups
}

interface ListProps { readonly groups: readonly (readonly [key: string, group: readonly AlertView[]])[]; readonly step: number }
/** `step`: how many lines are drawn in a frame. */
export function AlertList({ groups, step }: ListProps): JSX.Element {
  const drawn = useGradually(groups.length, step)
  let place = 0
  return (
    <ul class="cards">
      {groups.slice(0, drawn).map(([key, group]) => (unfolded.value.has(key)
        ? group.slice(0, mostUnfolded).map((alert) => <AlertCard group={[alert]} place={place++} key={alert.id} />)
        : <AlertCard group={group} place={place++} onMore={() => { unfolded.value = new Set([...unfolded.value, key]) }} key={key} />))}
    </ul>
  )
}
