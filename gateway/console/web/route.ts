import { computed, signal } from '@preact/signals'

/** `#/alerts/1a2b` is ['alerts', '1a2b']: the address is all the page's, so a reload shows the same. Anything else, such as `#open=`, is home. */
const read = (): readonly string[] => (location.hash.startsWith('#/') ? location.hash.slice(2) : '').split('?')[0]!.split('/').filter(Boolean).map(decodeURIComponent)
export const trail = signal(read())
addEventListener('hashchange', () => { trail.value = read() })
export const page = computed(() => trail.value[0] ?? 'home')
export const hrefOf = (...parts: readonly string[]): string => `#/${parts.map(encodeURIComponent).join('/')}`
export const go = (...parts: readonly string[]): void => { location.hash = hrefOf(...parts) }
