declare const LINLI_BUILD: string | undefined

/** Names exactly this program and what it ships; the bundle sets it. Null: it runs from its sources, which may change under it. */
export const build: string | null = typeof LINLI_BUILD === 'string' ? LINLI_BUILD : null
