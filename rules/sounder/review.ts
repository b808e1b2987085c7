import type { Facility, Review } from '../../gateway/contract/index.ts'
import { didYouMean } from '../../gateway/kit/suggest.ts'
import type { SounderConfig } from './schema.ts'

/** A sounder's points exist, are boolean and can be written, and belong to one sounder each. */
export function reviewSounders(sounders: readonly (SounderConfig | null)[] | null, { points }: Facility): readonly Review[] {
  const owners = new Map<string, string>()
  return (sounders ?? []).flatMap((sounder, at) => (sounder?.points ?? []).flatMap((id, index): readonly Review[] => {
    const path = ['sounders', at, 'points', index]
    const found = points.get(id)
    const owner = owners.get(id)
    owners.set(id, sounder!.id)
    if (!found) return [{ path, message: `no point "${id}"${didYouMean(id, points.keys())}` }]
    if (found.type !== 'boolean') return [{ path, message: `${id} is a ${found.type}; a sounder needs a point that is on or off` }]
    if (!found.writable) return [{ path, message: `${id} is read-only; set "writable: true" in its profile or the site file if the device allows writes` }]
    if (owner !== undefined) return [{ path, message: `${id} belongs to sounder "${owner}" already; two patterns on one relay are none` }]
    return []
  }))
}
