import type { AlertAct, EpochMs } from '../../gateway/contract/index.ts'

const maxText = 1_000
const isText = (value: unknown, max = maxText): boolean => typeof value === 'string' && value.trim().length > 0 && value.length <= max

/** What is wrong with an act, whatever the alert; null when nothing is. Acts come from pages, terminals and platforms. */
export function judgeAct(act: AlertAct, now: EpochMs, longestShelveMs: number): string | null {
  if (!/^[0-9a-f]{16}$/.test(act.id)) return "an act's id is 16 hex digits"
  // eslint-disable-next-line no-control-regex
  if (typeof act.by !== 'string' || !/^[^\u0000-\u001f\u007f]{1,128}$/.test(act.by) || act.by === 'gateway') return 'say who acts: 1 to 128 characters, and not "gateway"'
  if (!['site', 'city', 'resident'].includes(act.origin)) return 'origin is site, city or resident'
  if (!Number.isFinite(act.at)) return 'the act has no time'
  switch (act.act) {
    case 'acknowledge': case 'unshelve': return null
    case 'assign': return isText(act.to, 128) ? null : 'say to whom it is assigned'
    case 'shelve': return judgeShelving(act, now, longestShelveMs)
    case 'resolve':
      if (act.photo !== undefined && !/^[0-9a-f]{16}$/.test(act.photo)) return "a photo's id is 16 hex digits"
      return isText(act.note) ? null : `say in a note what was done, in at most ${maxText} characters`
    case 'reopen': return isText(act.note) ? null : `say in a note why, in at most ${maxText} characters`
    case 'comment': return isText(act.text) ? null : `a comment has 1 to ${maxText} characters`
    case 'evaluate': return [1, 2, 3, 4, 5].includes(act.score) && (act.text === undefined || isText(act.text)) ? null : `a rating is 1 to 5, with at most ${maxText} characters`
    default: return 'that is nothing that can be done with an alert'
  }
}

function judgeShelving({ until, reason }: Extract<AlertAct, { readonly act: 'shelve' }>, now: EpochMs, longestMs: number): string | null {
  if (!isText(reason)) return `say why it is shelved, in at most ${maxText} characters`
  if (!(until > now)) return 'say until when it is shelved, in the future'
  return until - now > longestMs ? `it may be shelved for at most ${longestMs / 60_000} minutes (alerts.shelve of the site file)` : null
}
