import { nameOfSetting, type FoundDevice } from '../../../drivers/modbus/scan/events.ts'
import type { ReadTest } from '../../../drivers/modbus/scan/read-test.ts'
import { whereOf } from '../../main/discovery/propose.ts'
import { paint, table } from '../output.ts'

export interface TestedDevice { readonly device: FoundDevice; readonly test: ReadTest | null; readonly failed: string | null }

const shownReasons = 4

/** Who was found, one a line, and why it is what it is. */
export function foundTable(found: readonly FoundDevice[]): string {
  return table([['WHERE', 'UNIT', 'MODEL', 'SCORE', 'WHY'], ...found.map((device) => {
    const { place, unitId, identified, candidates, duplicate, says } = device
    const where = `${whereOf(place)}${place.transport === 'rtu' ? ` ${nameOfSetting(place.setting)}` : ''}`
    const said = Object.entries(says).map(([name, text]) => `${name} ${JSON.stringify(text)}`)
    if (duplicate) return [where, String(unitId), paint('red', 'two devices'), '', 'answers come damaged or twice: two devices have this unit id; unplug one and change it']
    if (identified) return [where, String(unitId), paint('green', identified.profile), String(identified.score), reasons([...said, ...identified.why])]
    const [best] = candidates
    return [where, String(unitId), paint('yellow', 'unknown'), best ? String(best.score) : '', [describeUnknown(device), ...said, ...(best ? [`most like ${best.profile}, but ${best.against.slice(0, 2).join('; ')}`] : [])].join('; ')]
  })])
}

const describeUnknown = ({ answers }: FoundDevice): string => (answers.length > 0 ? `answers ${answers.join(', ')}` : 'answers, and refuses its first registers')
const reasons = (why: readonly string[]): string => `${why.slice(0, shownReasons).join('; ')}${why.length > shownReasons ? `; and ${why.length - shownReasons} more` : ''}`

/** The live read test of one device. */
export function testTable({ device, test, failed }: TestedDevice): string {
  const head = paint('bold', `${device.identified?.profile ?? ''} unit ${device.unitId}, read now`)
  if (!test) return `${head}\n  ${paint('red', failed ?? '')}`
  const rows = test.points.map(({ id, name, value, unit, reason }) => [`  ${id}`, `${name.zh} / ${name.en}`, value === null ? paint('red', reason ?? '') : `${String(value)}${unit === undefined ? '' : ` ${unit}`}`, value !== null && reason ? paint('yellow', reason) : ''])
  return `${head}\n${table(rows)}${test.finding ? `\n  ${paint('yellow', `${test.finding.code} ${test.finding.text}`)}` : ''}`
}
