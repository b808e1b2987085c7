import { useEffect, useState } from 'preact/hooks'
import { clock } from '../clock.ts'

const settleMs = 400

/**
 * False for a moment after something came to its place. Lists move under the finger: the second half of a double click, or a tap meant for
 * what stood here before, must not fall on the next alert.
 */
export function useStill(place: string | number, forMs = settleMs): boolean {
  const [still, setStill] = useState<string | number | null>(null)
  useEffect(() => clock.after(forMs, () => setStill(place)), [place])
  return still === place
}
