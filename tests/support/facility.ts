import type { Facility, FacilityDevice, FacilityPoint } from '../../gateway/contract/index.ts'

export type PointSketch = Partial<FacilityPoint>
export type PointSketches = Readonly<Record<string, FacilityPoint['type'] | PointSketch>>

/** A facility of these points, polled every second and writable, with the devices they name. */
export function facilityOf(points: PointSketches = {}, timezone = 'Asia/Shanghai'): Facility {
  const all = Object.entries(points).map(([id, sketch]): FacilityPoint => {
    const own: PointSketch = typeof sketch === 'string' ? { type: sketch } : sketch
    return { id, deviceId: id.split('.')[0]!, connectionId: 'line', name: { zh: id, en: id }, type: 'number', writable: true, pollMs: 1_000, pushed: false, seenWithinMs: own.pushed ? null : 1_200, ...own }
  })
  const devices = all.map(({ deviceId, connectionId, place }): FacilityDevice => ({ id: deviceId, name: { zh: `设备${deviceId}`, en: `device ${deviceId}` }, connectionId, ...(place === undefined ? {} : { place }) }))
  return { timezone, points: new Map(all.map((point) => [point.id, point])), devices: new Map(devices.map((device) => [device.id, device])) }
}
