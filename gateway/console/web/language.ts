import { effect, signal } from '@preact/signals'
import type { Label } from '../../contract/index.ts'
import { phrases, words, type Language, type Word } from './words.ts'

const kept = 'linli.language'
function chosen(): Language | null {
  try { const word = localStorage.getItem(kept); return word === 'en' || word === 'zh' ? word : null } catch { return null }
}

/** Chinese first; what was chosen is kept by this browser. */
export const language = signal<Language>(chosen() ?? 'zh')
effect(() => { document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en' })
export function chooseLanguage(wanted: Language): void {
  language.value = wanted
  try { localStorage.setItem(kept, wanted) } catch { /* A browser that keeps nothing still shows the page. */ }
}
/** The box's own, where nobody has chosen at this browser. */
export function beginIn(wanted: Language | undefined): void { if (wanted && chosen() === null) language.value = wanted }

export const t = (word: Word): string => words[word][language.value]
/** A word that is put together from a state; the state itself where there is none. */
export const tState = (prefix: string, state: string): string => {
  const word = `${prefix}_${state.replaceAll('-', '_')}`
  return word in words ? t(word as Word) : state
}
/** A name that the site file gives in both languages. */
export const named = (label: Label): string => label[language.value] || label.zh || label.en

type Phrases = typeof phrases
export function say<K extends keyof Phrases>(name: K, ...args: Parameters<Phrases[K]['zh']>): string {
  return (phrases[name][language.value] as (...args: Parameters<Phrases[K]['zh']>) => string)(...args)
}
