import { computed, effect, signal } from '@preact/signals'
import type { Severity } from '../../contract/index.ts'
import { clock } from './clock.ts'
import { overview } from './state.ts'
import { isWaiting } from '../alert-states.ts'

/** Beeps of one round, in Hz and ms, and when the next round begins: told apart by rhythm, not only by pitch. */
const patterns: Readonly<Record<Severity, { readonly everyMs: number; readonly beeps: readonly (readonly [hz: number, ms: number])[] }>> = {
  1: { everyMs: 2_000, beeps: [[980, 180], [740, 180], [980, 180], [740, 180], [980, 300]] },
  2: { everyMs: 4_000, beeps: [[880, 220], [880, 220], [880, 320]] },
  3: { everyMs: 8_000, beeps: [[660, 260], [660, 340]] },
  4: { everyMs: 20_000, beeps: [[520, 380]] },
}
const pauseMs = 90
const quietForMs = 120_000

const context = signal<AudioContext | null>(null)
const running = signal(false)
/** Sound is unlocked and the browser has not taken it back. */
export const soundOn = computed(() => running.value)
const quietUntil = signal(0)
const quieted = signal<ReadonlySet<string>>(new Set())
const moment = signal(clock.monotonic())
clock.every(1_000, () => { moment.value = clock.monotonic() })

const waiting = computed(() => (overview.value?.alerts ?? []).filter(isWaiting))
/** The gravest that nobody has acknowledged and nobody has quieted; a new one is heard again. */
export const sounding = computed<Severity | null>(() => {
  const hushed = moment.value < quietUntil.value
  const loud = waiting.value.filter(({ id, count }) => !(hushed && quieted.value.has(`${id}/${count}`)))
  return loud.length === 0 ? null : loud.reduce<Severity>((gravest, { severity }) => (severity < gravest ? severity : gravest), 4)
})
export const isQuiet = computed(() => moment.value < quietUntil.value && waiting.value.length > 0)

/** Call it from a tap: browsers let a page make sound only after one. */
export async function startWatching(): Promise<void> {
  const audio = context.value ?? new AudioContext()
  if (!context.value) audio.addEventListener('statechange', () => { running.value = audio.state === 'running' })
  context.value = audio
  await audio.resume()
  running.value = audio.state === 'running'
  // Heard at once, so that the clerk knows that the volume is up.
  if (running.value && sounding.value === null) play(4)
}
export async function stopWatching(): Promise<void> {
  await context.value?.suspend()
  running.value = false
}
/** Quiet is not acknowledged: it comes back by itself. */
export function quiet(): void {
  quieted.value = new Set(waiting.value.map(({ id, count }) => `${id}/${count}`))
  quietUntil.value = clock.monotonic() + quietForMs
  moment.value = clock.monotonic()
}

export function play(severity: Severity): void {
  const audio = context.value
  if (!audio || audio.state !== 'running') return
  let at = audio.currentTime + 0.02
  for (const [hz, ms] of patterns[severity].beeps) {
    const tone = new OscillatorNode(audio, { type: 'triangle', frequency: hz })
    const volume = new GainNode(audio, { gain: 0 })
    tone.connect(volume).connect(audio.destination)
    volume.gain.setValueAtTime(0, at)
    volume.gain.linearRampToValueAtTime(0.5, at + 0.012)
    volume.gain.setValueAtTime(0.5, at + ms / 1_000 - 0.03)
    volume.gain.linearRampToValueAtTime(0, at + ms / 1_000)
    tone.start(at)
    tone.stop(at + ms / 1_000)
    at += (ms + pauseMs) / 1_000
  }
}

// Round after round until each is acknowledged, or sound is off.
effect(() => {
  const severity = sounding.value
  if (!running.value || severity === null) return
  play(severity)
  return clock.every(patterns[severity].everyMs, () => play(severity))
})
