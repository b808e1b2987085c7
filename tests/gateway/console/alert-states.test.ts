import { expect, it } from 'vitest'
import { isWaiting, mostUrgent } from '../../../gateway/console/alert-states.ts'
import type { Alert, AlertAct } from '../../../gateway/contract/index.ts'
import { createAlertDesk } from '../../../rules/alerts/desk.ts'
import { usualAlerts } from '../../support/alerts.ts'

it('what asks for somebody is among the alerts of the page, however many graver ones are dealt with', () => {
  let ids = 0
  const newId = (): string => String(++ids).padStart(16, '0')
  const desk = createAlertDesk({ config: usualAlerts, newId })
  const raise = (key: string, severity: Alert['severity'], at: number, momentary = false): void => { desk.apply([{ kind: 'raise', key, ruleId: key, severity, at, title: { zh: key, en: key }, data: {}, ...(momentary ? { momentary: true } : {}) }]) }
  const act = (key: string, at: number, what: { readonly act: 'acknowledge' } | { readonly act: 'resolve'; readonly note: string }): void => { desk.act({ id: newId(), alert: desk.open().find((alert) => alert.key === key)!.id, at, by: 'wang', origin: 'site', ...what } as AlertAct, at) }
  for (let n = 0; n < 60; n++) { raise(`grave-${n}`, 1, n * 120_000); act(`grave-${n}`, n * 120_000 + 1, { act: 'acknowledge' }) }
  raise('call', 1, 7_300_000, true)
  act('call', 7_300_001, { act: 'resolve', note: 'done' })
  raise('leak', 3, 7_500_000)
  expect(desk.open().slice(0, 50).some(({ key }) => key === 'leak')).toBe(false)
  const urgent = mostUrgent(desk.open(), 50)
  expect(urgent).toHaveLength(50)
  expect(urgent.filter(isWaiting).map(({ key }) => key)).toEqual(['leak'])
  expect(urgent.some(({ key }) => key === 'call')).toBe(false)
})
