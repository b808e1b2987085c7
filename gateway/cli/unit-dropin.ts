import { unitDropin } from '../../firmware-config/package/dropin.ts'
import { print } from './output.ts'
import { readSite } from './rooms.ts'

export async function dropin(file: string): Promise<void> {
  const { connections } = await readSite(file)
  print(unitDropin(connections.map(({ driver, settings }) => ({ driver, settings: Object.fromEntries(Object.entries(settings as object)) })), file).trimEnd())
}
