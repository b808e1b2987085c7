import { paint, print, printJson } from './output.ts'
import { readSite, roomSchemas } from './rooms.ts'

/** Of a site that has none of them nothing is said. */
const optional = new Set(['doors', 'terminals', 'people', 'channels'])

export async function check(file: string, { json }: { readonly json?: boolean }): Promise<void> {
  try {
    const { connections, decisions: { rules, doors, kiosks, people, channels }, uplinks, warnings } = await readSite(file)
    const devices = connections.flatMap((connection) => connection.devices)
    const points = devices.reduce((sum, device) => sum + device.points.length, 0)
    const forecasts = connections.flatMap((connection) => roomSchemas.drivers[connection.driver]?.foresee?.(connection) ?? []).map(({ message }) => message)
    const counts = { connections: connections.length, devices: devices.length, points, doors: doors.length, terminals: kiosks.length, rules: rules.length, people: people.length, channels: channels.length, uplinks: uplinks.length }
    if (json) return printJson({ ok: true, problems: [], forecasts, warnings, ...counts })
    print(`${file} is valid: ${Object.entries(counts).filter(([name, count]) => count > 0 || !optional.has(name)).map(([name, count]) => `${count} ${name}`).join(', ')}`)
    for (const forecast of forecasts) print(paint('yellow', `forecast: ${forecast}`))
    for (const warning of warnings) print(paint('yellow', `warning: ${warning}`))
  } catch (error) {
    if (!json || !(error instanceof Error) || !('problems' in error)) throw error
    process.exitCode = 1
    printJson({ ok: false, problems: error.problems })
  }
}
