import type { Alert } from '../contract/index.ts'

/** What the page and its server must agree on. */
export type Standing = Pick<Alert, 'state' | 'shelved' | 'suppressedBy' | 'mode'>

/** Asks for somebody: neither acknowledged, resolved, shelved nor explained by another, nor worked on. A test asks too. */
export const isWaiting = ({ state, shelved, suppressedBy, mode }: Standing): boolean => state === 'raised' && !shelved && suppressedBy === undefined && (mode === undefined || mode === 'test')
export const isOpen = ({ state }: Standing): boolean => state === 'raised' || state === 'acknowledged'

/** So many of the open ones, in their order, what asks for somebody first: a page that hears these alone misses none that asks. */
export function mostUrgent<A extends Standing>(alerts: readonly A[], most: number): readonly A[] {
  const open = alerts.filter(isOpen)
  return [...open.filter(isWaiting), ...open.filter((alert) => !isWaiting(alert))].slice(0, most)
}
