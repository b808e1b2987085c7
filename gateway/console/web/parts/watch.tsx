import type { JSX } from 'preact'
import { call } from '../api.ts'
import { say, t } from '../language.ts'
import { Icon } from '../shapes.tsx'
import { isQuiet, play, quiet, sounding, soundOn, startWatching, stopWatching } from '../sound.ts'
import { may } from '../state.ts'

/** While sound is off it says so, and never goes away. */
export function Watch(): JSX.Element {
  if (!soundOn.value) return <div class="watch off"><Icon name="soundOff" /><span role="status">{t('soundOff')}</span><button type="button" class="primary" onClick={() => void startWatching()}>{t('watch')}</button></div>
  // The box's own sounder is told to be quiet too; nothing is acknowledged by it.
  const hush = (): void => { quiet(); if (may('staff')) void call('silence') }
  return (
    <div class={sounding.value === null ? 'watch on' : 'watch on loud'}>
      <Icon name="sound" /><span role="status">{sounding.value !== null ? say('ringing', t(`severity${sounding.value}`)) : t(isQuiet.value ? 'quietNow' : 'watching')}</span>
      {sounding.value === null ? <button type="button" onClick={() => play(4)}>{t('soundTry')}</button> : <button type="button" onClick={hush}>{t('quiet')}</button>}
      <button type="button" onClick={() => void stopWatching()}>{t('watchStop')}</button>
    </div>
  )
}
