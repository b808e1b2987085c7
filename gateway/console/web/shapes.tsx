import type { JSX } from 'preact'
import type { Severity } from '../../contract/index.ts'

/** A shape for each severity, told apart without colour: octagon, triangle, diamond, circle. */
const outlines: Readonly<Record<Severity, string>> = {
  1: 'M10 2h12l8 8v12l-8 8H10l-8-8V10z',
  2: 'M16 2 31 29H1z',
  3: 'M16 1 31 16 16 31 1 16z',
  4: 'M16 2a14 14 0 1 0 0 28 14 14 0 0 0 0-28z',
}
const marks: Readonly<Record<Severity, string>> = { 1: 'M16 8v10M16 22.5v2', 2: 'M16 11.5v6.5M16 24v.5', 3: 'M16 8.5v9M16 21.5v2', 4: 'M16 8.5v1.5M16 14v9.5' }

export function SeverityShape({ severity }: { readonly severity: Severity }): JSX.Element {
  return (
    <svg class={`shape severity-${severity}`} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path class="outline" d={outlines[severity]} /><path class="mark" d={marks[severity]} />
    </svg>
  )
}

/** Good, uncertain, bad, unknown: a tick, a wave, a cross, a question. */
const states = {
  good: 'M6 17l7 7L27 9', uncertain: 'M4 18c4-7 8-7 12 0s8 7 12 0', bad: 'M7 7l18 18M25 7 7 25', unknown: 'M10 11c0-8 12-8 12 0 0 5-6 5-6 10M16 26v1',
} as const
export type StateMark = keyof typeof states
export function StateShape({ state }: { readonly state: StateMark }): JSX.Element {
  return <svg class={`mark-${state} state-mark`} viewBox="0 0 32 32" aria-hidden="true" focusable="false"><path d={states[state]} /></svg>
}

const icons = {
  home: 'M4 15 16 4l12 11M8 12v16h16V12',
  alerts: 'M8 24V14a8 8 0 0 1 16 0v10zM5 24h22M13 28h6',
  devices: 'M6 6h20v14H6zM16 20v7M10 27h12',
  doors: 'M8 29V4h16v25M4 29h24M19 16v2',
  link: 'M9 24a6 6 0 0 1 0-12 8 8 0 0 1 15-1 6.5 6.5 0 0 1 0 13zM16 28V17M12 20l4-4 4 4',
  shift: 'M16 5a5 5 0 1 1 0 10 5 5 0 0 1 0-10zM6 28c0-12 20-12 20 0z',
  more: 'M6 9h20M6 16h20M6 23h20',
  sound: 'M5 12h5l7-6v20l-7-6H5zM22 11c3 3 3 7 0 10M25 7c6 6 6 12 0 18',
  soundOff: 'M5 12h5l7-6v20l-7-6H5zM21 12l8 8M29 12l-8 8',
  reports: 'M7 3h13l5 5v21H7zM12 14h8M12 19h8M12 24h5',
  installer: 'M20 5a7 7 0 0 0-7 9L4 23l5 5 9-9a7 7 0 0 0 9-8l-4 4-5-1-1-5 4-4z',
} as const
export type IconName = keyof typeof icons
export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return <svg class="icon" viewBox="0 0 32 32" aria-hidden="true" focusable="false"><path d={icons[name]} /></svg>
}
