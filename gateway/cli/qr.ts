import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { ConfigError } from '../kit/index.ts'
import { didYouMean } from '../kit/suggest.ts'
import { ResidentCodes } from '../residents/codes.ts'
import { targetsOf, type Target } from '../residents/targets.ts'
import { print, printJson } from './output.ts'
import { readSite } from './rooms.ts'

interface Options { readonly html?: string; readonly json?: boolean }

/** `linli qr SITE [TARGET…]`: the codes of the residents' page. `linli qr SITE revoke TARGET…`: new ones; the gateway need not run, and hears of it if it does. */
export async function qr(file: string, named: readonly string[], options: Options): Promise<void> {
  const { store, decisions: { residents: { page }, kiosks }, places, site } = await readSite(file)
  const all = targetsOf({ kiosks, places })
  const revoke = named[0] === 'revoke'
  const wanted = named.slice(revoke ? 1 : 0)
  if (all.length === 0) throw new ConfigError('QR_TARGET', 'the site file has no places and no kiosks that a code could be printed for')
  if (page.url === undefined) throw new ConfigError('CONFIG_INVALID', 'set residents.page.url to how telephones reach this box, such as http://192.168.1.10:8081')
  if (revoke && wanted.length === 0) throw new ConfigError('QR_TARGET', `say whose code is revoked, such as linli qr ${file} revoke ${all[0]!.key}`)
  const targets = wanted.length === 0 ? all : wanted.map((name) => find(all, name))
  const codes = await ResidentCodes.open(path.join(store.path, 'residents'), all)
  if (revoke) for (const target of targets) await codes.revoke(target)
  const printed = targets.map((target) => ({ target: target.key, name: target.name, url: `${page.url}/r/${codes.of(target)}`, generation: codes.generation(target.key) }))
  const note = page.enabled ? '' : "\nThe page is off: set residents.page.enabled to true in the site file."
  if (options.json) printJson(printed)
  const { sheetHtml, textOf } = await import('../residents/sheet.ts')
  if (options.html) await writeFile(options.html, sheetHtml(site.name, printed))
  if (options.json) return
  if (options.html) return print(`${printed.length} code${printed.length === 1 ? '' : 's'} in ${options.html}: open it in a browser and print it on A4.${revoke ? ' What hung there before is of no use any more.' : ''}${note}`)
  for (const { target, name, url } of printed) print(`${textOf(url)}\n${name.zh} · ${name.en} (${target})\n${url}\n`)
  print(`${revoke ? 'What hung there before is of no use any more. ' : ''}A sheet for the wall: linli qr ${file} --html codes.html${note}`)
}

/** By its key, or its id where only one thing has it. Throws ConfigError QR_TARGET. */
function find(all: readonly Target[], name: string): Target {
  const found = all.filter(({ key }) => key === name || key.split('/')[1] === name)
  if (found.length === 1) return found[0]!
  throw new ConfigError('QR_TARGET', found.length > 1 ? `"${name}" is ${found.map(({ key }) => key).join(' and ')}; say which` : `there is no place or terminal "${name}"${didYouMean(name, all.flatMap(({ key }) => [key, key.split('/')[1]!]))}`)
}
