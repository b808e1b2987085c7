import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import type { FoundDevice } from '../../../drivers/modbus/scan/events.ts'
import { ConfigError, describe } from '../../kit/index.ts'
import { addedLines } from '../../main/discovery/draft.ts'
import { propose, whereOf } from '../../main/discovery/propose.ts'
import { saveProposal } from '../../main/discovery/save.ts'
import { paint, print, printJson } from '../output.ts'
import type { TestedDevice } from './show.ts'

/** Shows what the site file would get, asks, and writes. Only what was identified and could be read just now. */
export async function saveFound(file: string, found: readonly FoundDevice[], tested: readonly TestedDevice[], { yes, json }: { readonly yes?: boolean; readonly json?: boolean }, summary: object): Promise<void> {
  const before = await readFile(file, 'utf8').catch((cause: unknown) => { throw new ConfigError('SCAN_SAVE', `${file} cannot be read (${describe(cause)}); linli init makes a site file`, { cause }) })
  // What could not be read a moment ago is not saved.
  const readable = found.filter((device) => !device.identified || tested.some((each) => each.device === device && each.test?.points.some(({ value }) => value !== null)))
  const proposal = await propose(file, before, readable)
  const lines = addedLines(proposal)
  if (!json) {
    for (const device of found) if (!readable.includes(device)) print(paint('yellow', `unit ${device.unitId} at ${whereOf(device.place)}: not read just now, so it is left out`))
    for (const { unitId, where, why } of proposal.left) print(paint('yellow', `unit ${unitId} at ${where}: ${why}`))
    print(lines.length === 0 ? 'nothing to add' : `\n${paint('bold', file)}\n${lines.map((line) => paint('green', `+ ${line}`)).join('\n')}`)
  }
  const write = lines.length > 0 && (yes === true || (!json && await agreed(`add ${proposal.devices.length} device${proposal.devices.length === 1 ? '' : 's'} to ${file}?`)))
  const saved = write ? await saveProposal(proposal) : null
  if (json) return printJson({ ...summary, save: { file, added: lines, left: proposal.left, written: write } })
  if (saved) print(`${paint('green', `${file} is changed`)}; the old one is ${saved.backup}. It takes effect at the next start of the gateway, or at once with: linli apply ${file}`)
  else if (lines.length > 0) print(paint('yellow', 'nothing was written; --yes writes without asking'))
}

/** No where there is nobody to ask. */
async function agreed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return false
  const asker = createInterface({ input: process.stdin, output: process.stdout })
  try { return /^y(es)?$|^是$/i.test((await asker.question(`${question} [y/N] `)).trim()) } finally { asker.close() }
}
