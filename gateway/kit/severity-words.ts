import type { Label, Severity } from '../contract/index.ts'

/** How people are told a severity, wherever they are told it. */
export const severityWords: Readonly<Record<Severity, Label>> = {
  1: { zh: '特急', en: 'critical' }, 2: { zh: '紧急', en: 'urgent' }, 3: { zh: '重要', en: 'important' }, 4: { zh: '一般', en: 'routine' },
}
