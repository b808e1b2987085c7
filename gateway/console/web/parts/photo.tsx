import type { JSX } from 'preact'
import { useId, useState } from 'preact/hooks'
import { call } from '../api.ts'
import { t } from '../language.ts'
import { Failed } from './problem.tsx'

const longestSide = 1_600
const sendMs = 60_000

/** Scaled here, so that little goes over a slow line; as base64. Null for what the browser cannot show. */
async function jpegOf(file: File): Promise<string | null> {
  try {
    const bitmap = await createImageBitmap(file)
    const scale = Math.min(1, longestSide / Math.max(bitmap.width, bitmap.height))
    const canvas = document.createElement('canvas')
    canvas.width = Math.max(1, Math.round(bitmap.width * scale))
    canvas.height = Math.max(1, Math.round(bitmap.height * scale))
    canvas.getContext('2d')!.drawImage(bitmap, 0, 0, canvas.width, canvas.height)
    bitmap.close()
    return canvas.toDataURL('image/jpeg', 0.8).split(',')[1] ?? null
  } catch { return null }
}

/** Sent as soon as it is chosen; `onTaken` hears its id, or null while there is none. */
export function PhotoField({ onTaken, onBusy }: { readonly onTaken: (id: string | null) => void; readonly onBusy: (busy: boolean) => void }): JSX.Element {
  const id = useId()
  const [state, setState] = useState<{ readonly id?: string; readonly failed?: string; readonly busy?: true }>({})
  const take = async (file: File | undefined): Promise<void> => {
    onTaken(null)
    if (!file) return setState({})
    setState({ busy: true })
    onBusy(true)
    const jpeg = await jpegOf(file)
    const answer = jpeg === null ? null : await call('addPhoto', { body: { jpeg }, timeoutMs: sendMs })
    onBusy(false)
    if (!answer?.ok) return setState({ failed: answer?.problem.code ?? 'PHOTO_INVALID' })
    setState({ id: answer.value.id })
    onTaken(answer.value.id)
  }
  return (
    <>
      <div class="field photo-field">
        <label for={id}>{t('photo')}</label>
        {/* The browser's own button speaks the browser's language. */}
        <input id={id} class="visually-hidden" type="file" accept="image/*" onChange={(event) => void take(event.currentTarget.files?.[0])} />
        <label class="photo-button" for={id} aria-hidden="true">{t(state.id ? 'photoAnother' : 'photoTake')}</label>
      </div>
      <div role="status">{state.busy ? t('photoSending') : state.id ? <Photo id={state.id} /> : null}</div>
      <Failed code={state.failed ?? null} />
    </>
  )
}

export function Photo({ id }: { readonly id: string }): JSX.Element | null {
  const [gone, setGone] = useState(false)
  if (!/^[0-9a-f]{16}$/.test(id)) return null
  const source = `/api/photos/${id}`
  return gone ? <small>{t('photoGone')}</small> : <a class="photo" href={source} target="_blank" rel="noopener"><img src={source} alt={t('photoOf')} loading="lazy" onError={() => setGone(true)} /></a>
}
