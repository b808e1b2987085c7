import { residentsPage, type Facility, type Review } from '../../gateway/contract/index.ts'
import { didYouMean } from '../../gateway/kit/suggest.ts'
import { idsOf, reviewHours } from '../doors/review.ts'
import { readServices } from './catalogue.ts'
import type { KioskConfig, ResidentsConfig, ServicesConfig } from './schema.ts'

interface KioskSections { readonly kiosks: readonly (KioskConfig | null)[] | null; readonly services: ServicesConfig | null; readonly residents: ResidentsConfig | null; readonly schedules: Parameters<typeof idsOf>[0] }

/** Problems of one file that are worth reading at once. */
const shown = 20

/** What only shows once the devices are known, and what stands in the file of services. */
export function reviewKiosks({ kiosks, services, residents, schedules }: KioskSections, facility: Facility): readonly Review[] {
  const ids = idsOf(schedules)
  const owners = new Map<string, string>()
  return [...reviewServices(services ?? []), ...(residents ? reviewPage(residents, facility) : []), ...(kiosks ?? []).flatMap((kiosk, index) => (kiosk ? reviewKiosk(kiosk, ['kiosks', index], facility, ids, owners) : []))]
}

function reviewPage({ page: { enabled, categories } }: ResidentsConfig, facility: Facility): readonly Review[] {
  const path = ['residents', 'page'] as const
  const twice = categories.findIndex(({ id }, index) => categories.findIndex((each) => each.id === id) < index)
  return [
    ...(enabled && facility.devices.has(residentsPage) ? [{ path: [...path, 'enabled'], message: `a device is called "${residentsPage}", as the page is in its events; give the device another id` }] : []),
    ...(twice >= 0 ? [{ path: [...path, 'categories', twice, 'id'], message: `category "${categories[twice]!.id}" is told twice` }] : []),
  ]
}

function reviewKiosk({ id, device, online, peripherals, hours }: KioskConfig, at: Review['path'], facility: Facility, schedules: readonly string[], owners: Map<string, string>): readonly Review[] {
  const reviews: Review[] = []
  for (const each of device) if (!facility.devices.has(each)) reviews.push({ path: [...at, 'device'], message: `no device "${each}"${didYouMean(each, facility.devices.keys())}` })
  const owner = owners.get(device[0]!)
  if (owner !== undefined) reviews.push({ path: [...at, 'device'], message: `device "${device[0]}" is the terminal of kiosk "${owner}" already; its sessions would count twice` })
  else owners.set(device[0]!, id)
  const pointOf = (point: string, path: Review['path']) => {
    const found = facility.points.get(point)
    if (!found) reviews.push({ path, message: `no point "${point}"${didYouMean(point, facility.points.keys())}` })
    return found
  }
  if (online) {
    const found = pointOf(online.point, [...at, 'online'])
    if (found && typeof online.equals !== found.type) reviews.push({ path: [...at, 'online'], message: `${online.point} is a ${found.type}; write { point: ${online.point}, equals: … } with the ${found.type} that means online` })
  }
  const seen = new Set<string>()
  for (const [index, { id: name, point, min, max, ok }] of peripherals.entries()) {
    const path = [...at, 'peripherals', index]
    if (seen.has(name)) reviews.push({ path: [...path, 'id'], message: `peripheral "${name}" is told twice` })
    seen.add(name)
    const found = pointOf(point, [...path, 'point'])
    if (!found) continue
    if ((min !== undefined || max !== undefined) && found.type !== 'number') reviews.push({ path: [...path, min === undefined ? 'max' : 'min'], message: `${point} is a ${found.type}, which has no limits; write ok with the values that are well` })
    if (min !== undefined && max !== undefined && min > max) reviews.push({ path: [...path, 'min'], message: `min ${min} is above max ${max}: it would never work` })
    const wrong = ok?.find((value) => typeof value !== found.type)
    if (wrong !== undefined) reviews.push({ path: [...path, 'ok'], message: `${point} is a ${found.type}; ${JSON.stringify(wrong)} is none` })
  }
  if (hours !== undefined) reviews.push(...reviewHours(hours, [...at, 'hours'], schedules))
  return reviews
}

function reviewServices(services: ServicesConfig): readonly Review[] {
  if ('file' in services) return readServices(services.file).problems.slice(0, shown).map(({ line, message }) => ({ path: ['services', 'file'], message: `${services.file}:${line}: ${message}` }))
  const seen = new Set<string>()
  return services.flatMap(({ code }, index) => {
    const twice = seen.has(code)
    seen.add(code)
    return twice ? [{ path: ['services', index, 'code'], message: `service "${code}" is told twice` }] : []
  })
}
