import type { JSX } from 'preact'
import { t } from '../language.ts'

export const Loading = (): JSX.Element => <p class="loading" role="status">{t('loading')}</p>
