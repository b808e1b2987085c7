import { copyFile, readFile } from 'node:fs/promises'
import path from 'node:path'
import { tempFolder } from './resources.ts'

const estate = path.join(import.meta.dirname, '../firmware-config/site/v1/estate.yaml')

/** A site file of version 1 in a folder of its own. */
export async function oldSite(): Promise<{ readonly folder: string; readonly file: string; readonly text: string }> {
  const folder = await tempFolder()
  const file = path.join(folder, 'site.yaml')
  await copyFile(estate, file)
  return { folder, file, text: await readFile(file, 'utf8') }
}

/** The same, as it must be written in version 2. */
export const asMigrated = (text: string): string => text.replace('linli: 1', 'linli: 2').replace('commitMs: 5000', 'commit: 5s').replace('"retainDays"', 'keepDays')
