import { ceilingMs } from './ceiling.ts'
import type { GpioAddress, GpioConfig, GpioPoint } from './settings.ts'

export const pointsOf = (config: GpioConfig): readonly GpioPoint[] => config.devices.flatMap(({ points }) => points)
export const debounceOf = ({ debounce, count }: GpioAddress): number => debounce ?? (count ? 5 : 50)
/** Milliseconds; undefined for an output that may stay on. */
export const maxOnOf = ({ pulse, maxOn }: GpioAddress): number | undefined => maxOn ?? (pulse === undefined ? undefined : ceilingMs)
/** For errors: the connection and whom it concerns. */
export const whoOf = (config: GpioConfig): string => `connection ${config.id} (${pointsOf(config).map(({ id }) => id).join(', ') || 'no points'})`
