import type { Answer, Asked } from './api/index.ts'

/** Commissioning, as the page orders it: one at a time, the same code as `linli commission`. Lent by main. Each throws what docs/errors.md lists under COMMISSION_. */
export interface CommissioningPort {
  view(): Promise<Answer<'commissioning'>>
  now(): Promise<Answer<'commissioningNow'>>
  begin(by: string, resume: boolean): Promise<void>
  act(order: Asked<'actCommissioning'>['body']): Promise<void>
  /** Waits for the city's last receipts. */
  finish(): Promise<Answer<'finishCommissioning'>>
  discard(): Promise<void>
  report(id: string): Promise<Answer<'commissioningReport'>>
  /** What is downloaded. */
  file(id: string, kind: 'html' | 'json'): Promise<{ readonly name: string; readonly text: string }>
}

type CommissioningRoute = 'commissioning' | 'commissioningNow' | 'beginCommissioning' | 'actCommissioning' | 'finishCommissioning' | 'discardCommissioning' | 'commissioningReport'
type Handlers = { readonly [N in CommissioningRoute]: (call: Asked<N>) => Promise<Answer<N>> }

export function commissioningHandlers(port: CommissioningPort): Handlers {
  return {
    commissioning: () => port.view(),
    commissioningNow: () => port.now(),
    beginCommissioning: async ({ body }) => { await port.begin(body.by, body.resume); return port.now() },
    actCommissioning: async ({ body }) => { await port.act(body); return port.now() },
    finishCommissioning: () => port.finish(),
    discardCommissioning: async () => { await port.discard(); return {} },
    commissioningReport: ({ params }) => port.report(params.id),
  }
}
