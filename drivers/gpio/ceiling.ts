/** No output pulses longer, no `maxOn` is longer: a strike that stays energised for a minute burns or stays open. */
export const ceilingMs = 60_000
