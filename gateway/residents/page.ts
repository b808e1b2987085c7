import { escapeHtml } from '../kit/html.ts'
import type { Label } from '../contract/index.ts'
import type { Repair } from './repairs.ts'
import { words, type Language, type Word } from './words.ts'

export interface PageParts {
  readonly site: Label
  readonly name: Label
  readonly categories: readonly { readonly id: string; readonly name: Label }[]
  readonly repairs: readonly Repair[]
}

/** Names of the site file and titles of alerts are text, whatever is in them. */

/** The page behind a code. Its script is a file of its own; without one the words can be read all the same. */
export function residentsHtml({ site, name, categories, repairs }: PageParts, language: Language): string {
  const t = (word: Word): string => escapeHtml(words[word][language])
  const other = language === 'zh' ? 'en' : 'zh'
  const radio = (group: string, value: string, label: string, checked = false): string => `<label><input type="radio" name="${group}" value="${escapeHtml(value)}"${checked ? ' checked' : ''}><span>${label}</span></label>`
  const scores = ([5, 4, 3, 2, 1] as const).map((score) => radio('score', `${score}`, `<b aria-hidden="true">${'★'.repeat(score)}</b> ${score} ${t('points')} · ${t(`score${score}`)}`)).join('')
  const what = repairs.length === 0 ? '' : `<fieldset><legend>${t('whatToRate')}</legend>${radio('repair', '', t('serviceHere'), true)}${repairs.map(({ id, title }) => radio('repair', id, `${t('repair')}${escapeHtml(title[language])}`)).join('')}</fieldset>`
  const text = (id: string, label: Word): string => `<label for="${id}">${t(label)}</label><textarea id="${id}" name="text" rows="2" maxlength="200"></textarea><small>${t('noNames')}</small>`
  const foot = `<p class="word" role="alert"></p><button type="submit">${t('send')}</button>`
  const said = (['sending', 'choose', 'slow', 'busy', 'noPhoto', 'failed', 'gone'] as const).map((word) => ` data-${word.toLowerCase()}="${t(word)}"`).join('')
  return page(language, `${name[language]} · ${site[language]}`, `
<header><span>${escapeHtml(site[language])}</span><a href="?lang=${other}" lang="${other}">${other === 'en' ? 'English' : '中文'}</a></header>
<main${said}>
<h1>${escapeHtml(name[language])}</h1>
<div id="forms">
<details><summary>${t('rate')}</summary><form data-to="rating">${what}<fieldset><legend>${t('howWasIt')}</legend>${scores}</fieldset>${text('said', 'sayMore')}${foot}</form></details>
<details><summary>${t('report')}</summary><form data-to="report"><p class="emergency">${t('emergency')}</p><fieldset class="two"><legend>${t('whatIsIt')}</legend>${categories.map((each) => radio('category', each.id, escapeHtml(each.name[language]))).join('')}</fieldset>${text('seen', 'describe')}<label class="file"><input name="photo" type="file" accept="image/*"><span data-taken="${t('taken')}">${t('photo')}</span></label>${foot}</form></details>
</div>
<section id="thanks" hidden tabindex="-1"><h2>${t('thanks')}</h2><p>${t('received')}</p></section>
</main>`, '<script src="/page.js" defer></script>')
}

/** A word in both languages: for who has no valid code, or must wait. */
export const noticeHtml = (heading: Word, more?: Word): string => page('zh', words[heading].zh, `<main class="notice">${(['zh', 'en'] as const).map((language) => `<section lang="${language}"><h1>${escapeHtml(words[heading][language])}</h1>${more ? `<p>${escapeHtml(words[more][language])}</p>` : ''}</section>`).join('')}</main>`)

const page = (language: Language, title: string, body: string, script = ''): string => `<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex"><title>${escapeHtml(title)}</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/style.css">${script}</head>
<body>${body}
</body></html>
`
