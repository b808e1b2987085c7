import type { ChangePort } from '../contract/index.ts'
import { ConfigError } from '../kit/index.ts'
import type { Answer, Asked } from './api/index.ts'

type ChangeRoute = 'configurations' | 'configuration' | 'planChange' | 'applyChange' | 'confirmChange' | 'rollBackChange'
type Handlers = { readonly [N in ChangeRoute]: (call: Asked<N> & { readonly actor: string }) => Promise<Answer<N>> | Answer<N> }

/** So long an older configuration is watched. */
const watchMs = 60_000

/** The site file, changed from the page: what `linli plan`, `apply`, `confirm` and `rollback` do. */
export function changeHandlers(lent: ChangePort | undefined): Handlers {
  const port = (): ChangePort => {
    if (lent) return lent
    throw new ConfigError('CHANGE_UNAVAILABLE', 'this gateway was not started by linli run, and nobody could put another in its place')
  }
  const author = (actor: string) => ({ by: actor, origin: 'console' as const })
  const json = <T>(view: unknown): T => structuredClone(view) as T
  return {
    configurations: () => json<Answer<'configurations'>>(port().view()),
    configuration: async ({ query: { number } }) => ({ number, text: await port().text(number) }),
    async planChange({ body }) {
      try {
        return { problems: [], plan: json<Answer<'planChange'>['plan']>(await port().plan(body.text)) }
      } catch (error) {
        const problems = problemsOf(error)
        if (!problems) throw error
        return { problems, plan: null }
      }
    },
    applyChange: async ({ body, actor }) => json<Answer<'applyChange'>>(await port().apply({ ...body, ...author(actor), confirm: 'person' })),
    confirmChange: async ({ body, actor }) => json<Answer<'confirmChange'>>(await port().confirm(author(actor), body.anyway)),
    rollBackChange: async ({ body, actor }) => json<Answer<'rollBackChange'>>(await port().rollBack({ ...body, ...author(actor), windowMs: watchMs })),
  }
}

/** Of a site file that is wrong. */
function problemsOf(error: unknown): Answer<'planChange'>['problems'] | null {
  if (!(error instanceof ConfigError) || !('problems' in error) || !Array.isArray(error.problems)) return null
  return (error.problems as readonly Answer<'planChange'>['problems'][number][]).map(({ line, column, path, message }) => ({ line, column, path, message }))
}
